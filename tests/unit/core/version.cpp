// The version of the library at run time.

#include "weightseal/core/version.hpp"
#include "support/catch.hpp"

#include <regex>
#include <string>

namespace weightseal::testing {

TEST_CASE("the version is three numbers") {
    CHECK(std::regex_match(std::string(version_string()), std::regex(R"(\d+\.\d+\.\d+)")));
}

} // namespace weightseal::testing
