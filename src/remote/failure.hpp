#pragma once
// Why a request failed, as it is handed from thread to thread.

#include "weightseal/core/error.hpp"

#include <string>

namespace weightseal::remote {

struct Failure {
    Errc code = Errc::internal;
    std::string what;
    bool may_pass = false; ///< worth another attempt
};

} // namespace weightseal::remote
