// Answers of time-stamping authorities: parsed, and verified up to an authority that signed none of them.

#include "weightseal/watermark/timestamp.hpp"
#include "base.hpp"
#include "crypto/rfc3161.hpp"
#include "support/records.hpp"

using namespace weightseal;
using namespace weightseal::testing;

namespace {

// A root that nobody has the key of.
constexpr std::string_view stranger = "-----BEGIN CERTIFICATE-----\n"
                                      "MIIBeTCCAR+gAwIBAgIUAnXLLUjfKSbV8AjStgqlRx7rq2MwCgYIKoZIzj0EAwIw\n"
                                      "ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyNTE0MzgzOVoYDzIxMjYxMTAxMTQz\n"
                                      "ODM5WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
                                      "AARsvaNIFAp4WNFXypMJr+ZZPaPvxeQsuacpN1ZwLx3El2H5PZC7lFc1Pw5iOxog\n"
                                      "oA2TEGO+ME2gLzv7UYO4LKg4o1MwUTAdBgNVHQ4EFgQUlOPvngtmqXKyqkxZPhdt\n"
                                      "PQ7u114wHwYDVR0jBBgwFoAUlOPvngtmqXKyqkxZPhdtPQ7u114wDwYDVR0TAQH/\n"
                                      "BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAfCOyyOurPI3F6utVnDTiF6DVrMq4e\n"
                                      "dxZypH+Ki6yUrQIhAMA+bew7cqs9lfFd9HqXOJsvy7y29gvIq3JprhaP4ZgF\n"
                                      "-----END CERTIFICATE-----\n";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes der = std::as_bytes(std::span(data, size));
    try {
        WatermarkRecord record = sample_record();
        add_timestamp(record, der);
        require(record.timestamp.size() == size, "kept as it is");
    } catch (const Error&) {
    }
    try {
        const crypto::rfc3161::Response response(der);
        require(!utc_text(response.seconds()).empty(), "a time that can be written");
        static_cast<void>(response.verify(as_bytes(stranger)));
        require(false, "nobody signed it");
    } catch (const Error&) {
    }
    return 0;
}
