#include "remote/environment.hpp"

#include <cstdlib>

namespace weightseal::remote {

std::string environment(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const char* const value = std::getenv(name); value != nullptr && *value != '\0') return value;
    return {};
}

SecretText secret_environment(const char* name) {
    const char* const value = std::getenv(name);
    return SecretText(value == nullptr ? std::string_view() : value);
}

} // namespace weightseal::remote
