#pragma once
// Requests, as they go to a server.

#include "remote/secret_text.hpp"

#include <string>
#include <vector>

namespace weightseal::remote {

struct HttpHeader {
    std::string name; ///< in lower case
    std::string value;
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<HttpHeader> headers; ///< without Host, which the URL gives
    SecretText body{};               ///< of a POST or PUT
};

} // namespace weightseal::remote
