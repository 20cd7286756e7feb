#include "weightseal/core/tensor.hpp"

#include "weightseal/core/bytes.hpp"
#include "weightseal/core/error.hpp"

namespace weightseal {

std::uint64_t tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape) {
    std::uint64_t bits = dtype_bits(dtype);
    bool is_empty = false;
    // Zeros apart, so that the answer does not depend on where they stand.
    for (const std::uint64_t extent : shape) {
        if (extent == 0)
            is_empty = true;
        else if (!checked_mul(bits, extent, bits))
            throw Error(Errc::shape_overflow, "tensor", "the product of its shape does not fit in 64 bits");
    }
    if (is_empty) return 0;
    if (bits % 8 != 0) throw Error(Errc::misaligned_tensor, "tensor", "its size is not a whole number of bytes");
    return bits / 8;
}

} // namespace weightseal
