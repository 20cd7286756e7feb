// Keys of tensors: each input of a marking changes them, and none can take the place of another.

#include "watermark/identity.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "unit/vectors.hpp"

#include <set>

namespace weightseal::testing {
namespace {

using Shape = std::vector<std::uint64_t>;

std::string chip_key(const Key& key, const MarkIdentity& identity, std::string_view tensor, const Shape& shape) {
    return to_hex(watermark::Identity(key, identity).chip_key(tensor, shape).bytes());
}

} // namespace

TEST_CASE("every part of an identity changes the keys of all tensors") {
    const Key key = watermark_key(1);
    const MarkIdentity usual{"acme", "model", {}};
    MarkIdentity other_scope = usual;
    other_scope.scope[31] = std::byte{1};
    const std::vector<std::string> keys{
        chip_key(key, usual, "w", {2, 3}),
        chip_key(watermark_key(2), usual, "w", {2, 3}),
        chip_key(key, {"acmf", "model", {}}, "w", {2, 3}),
        chip_key(key, {"acme", "modem", {}}, "w", {2, 3}),
        chip_key(key, {"acmem", "odel", {}}, "w", {2, 3}), // where the owner ends is part of it
        chip_key(key, other_scope, "w", {2, 3}),
        chip_key(key, usual, "v", {2, 3}),
        chip_key(key, usual, "w", {3, 2}),
        chip_key(key, usual, "w", {6}),
        chip_key(key, usual, "w", {2, 3, 1}),
        to_hex(watermark::Identity(key, usual).dither_key("w", Shape{2, 3}).bytes()),
        to_hex(watermark::commitment(watermark::Identity(key, usual).chip_key("w", Shape{2, 3}))),
    };
    CHECK(std::set(keys.begin(), keys.end()).size() == keys.size());
    CHECK(chip_key(key, usual, "w", {2, 3}) == keys[0]);
}

TEST_CASE("only watermark keys make an identity") {
    for (const KeyKind kind : {KeyKind::seal, KeyKind::recipient, KeyKind::signing})
        CHECK(refusal([&] { watermark::Identity(Key::generate(kind), {"acme", "model", {}}); }) == "key_kind");
    CHECK(refusal([&] { watermark::Identity({KeyKind::watermark, {}}, {"acme", "model", {}}); }) == "invalid_argument");
}

} // namespace weightseal::testing
