// base64 and hexadecimal. What is refused: attacks/watermark/records.cpp.

#include "crypto/base64.hpp"
#include "crypto/codec.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

namespace weightseal::testing {

TEST_CASE("base64 of RFC 4648's examples") {
    const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : examples) {
        CHECK(crypto::to_base64(as_bytes(plain)) == text);
        CHECK(crypto::from_base64(text) == to_data(plain));
    }
    CHECK(crypto::to_base64(Data{std::byte{0xFB}, std::byte{0xFF}, std::byte{0xFE}}) == "+//+");
}

TEST_CASE("bytes of every size survive base64 and hexadecimal") {
    for (std::size_t size = 0; size < 200; ++size) {
        const Data data = patterned(size, size);
        REQUIRE(crypto::from_base64(crypto::to_base64(data)) == data);
        Data back(size);
        REQUIRE(crypto::from_hex(crypto::to_hex(data), back));
        REQUIRE(back == data);
    }
    CHECK(crypto::to_hex(as_bytes("\x01\xAB\xFF")) == "01abff");
}

} // namespace weightseal::testing
