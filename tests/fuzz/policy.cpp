// Bundles and policies: any bytes are refused by name, or judged the same twice.

#include "base.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/storage/report.hpp"

#include <span>

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
    std::string first;
    try {
        first = storage::report_json(storage::audit(text, "fuzz"));
    } catch (const Error& error) {
        require(error.errc() >= Errc::policy_not_json && error.errc() <= Errc::unknown_finding, "an error of storage");
        return 0;
    }
    require(storage::report_json(storage::audit(text, "fuzz")) == first, "one meaning of a text");
    return 0;
}
