// What a server says of a bucket: any bytes are refused by name, or read.

#include "base.hpp"
#include "storage/live/settings.hpp"
#include "weightseal/core/error.hpp"

#include <span>

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
    for (const storage::BucketSetting& setting : storage::bucket_settings()) {
        try {
            require(read_setting(setting, text).is_structured(), "a document");
        } catch (const Error& error) {
            require(error.errc() == Errc::server_answer || error.errc() == Errc::policy_not_json ||
                        error.errc() == Errc::policy_too_large || error.errc() == Errc::duplicate_policy_field,
                    "an error of reading");
        }
    }
    return 0;
}
