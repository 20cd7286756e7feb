#include "weightseal/core/dtype.hpp"

#include <array>

namespace weightseal {
namespace {

struct Description {
    std::string_view name;
    unsigned bits;
};

// Indexed by the number of the dtype; names and sizes: safetensors specification.
constexpr std::array<Description, 23> table{{
    {"?", 0},    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},
    {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
    {"I16", 16}, {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},
    {"F32", 32}, {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};
static_assert(static_cast<std::size_t>(Dtype::u64) == table.size() - 1);

const Description& describe(Dtype dtype) noexcept {
    const auto code = static_cast<std::size_t>(dtype);
    return code < table.size() ? table[code] : table[0];
}

} // namespace

std::string_view dtype_name(Dtype dtype) noexcept {
    return describe(dtype).name;
}

unsigned dtype_bits(Dtype dtype) noexcept {
    return describe(dtype).bits;
}

std::optional<Dtype> dtype_from_name(std::string_view name) noexcept {
    for (std::size_t code = 1; code < table.size(); ++code)
        if (table[code].name == name) return static_cast<Dtype>(code);
    return std::nullopt;
}

std::optional<Dtype> dtype_from_code(std::uint8_t code) noexcept {
    if (code == 0 || code >= table.size()) return std::nullopt;
    return static_cast<Dtype>(code);
}

} // namespace weightseal
