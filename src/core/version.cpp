#include "weightseal/core/version.hpp"

namespace weightseal {

const char* version_string() noexcept {
    return WEIGHTSEAL_VERSION;
}

} // namespace weightseal
