// Lines of a traffic log. What is accepted is a time, and numbers that the guard takes.

#include "guard/traffic.hpp"
#include "base.hpp"

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::string problem;
    const auto traffic = guard::parse_traffic(text, problem);
    require(traffic.has_value() == problem.empty(), "a request, or what is wrong with it");
    if (!traffic) return 0;
    const std::chrono::nanoseconds most = std::chrono::seconds(9'000'000'000);
    require(traffic->time <= most, "a time that can be added to");
    require(traffic->duration.count() >= 0 && traffic->duration <= most, "a duration");
    require(traffic->address.has_value() == traffic->address_text.has_value(), "an address that is one");
    return 0;
}
