#include "support/environment.hpp"

#include <cstdlib>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace weightseal::testing {

Environment::Environment() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const std::string name(text.substr(0, text.find('=')));
        if (name.starts_with("AWS_") || name == "SSL_CERT_FILE") before_[name] = text.substr(name.size() + 1);
    }
    for (const auto& [name, value] : before_)
        unsetenv(name.c_str());
    // Nobody's own files, and no service of the machine.
    set("AWS_CONFIG_FILE", "/dev/null");
    set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    set("AWS_EC2_METADATA_DISABLED", "true");
}

Environment::~Environment() {
    for (const auto& [name, value] : before_)
        if (value)
            setenv(name.c_str(), value->c_str(), 1);
        else
            unsetenv(name.c_str());
}

void Environment::set(const std::string& name, const std::string& value) {
    before_.try_emplace(name, std::nullopt);
    setenv(name.c_str(), value.c_str(), 1);
}

void remove_proxies() {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
        if (std::getenv(name) != nullptr) unsetenv(name);
}

} // namespace weightseal::testing
