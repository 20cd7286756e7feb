#include "watermark/align/gains.hpp"

#include <cmath>

namespace weightseal::watermark::align {
namespace {

// Fine-tuning changes gains by less; folding such a change into the matrices would only add it to them as noise.
constexpr float max_change = 0.02F; // root mean square of relative changes, each at most 1

Vector read_vector(const TensorRows& tensor, Index width) {
    Vector values = Vector::Zero(width);
    if (tensor.rows() != width) return values;
    tensor.read(0, {values.data(), static_cast<std::size_t>(width)});
    return values.unaryExpr([](float value) { return std::isfinite(value) ? value : 0.0F; });
}

} // namespace

bool Gain::is_kept(const Residual& residual) const {
    if (residual.is_rotation()) return false;
    const Vector moved = residual.restored_gain(suspect);
    double square = 0;
    for (Index i = 0; i < original.size(); ++i) {
        if (residual.is_lost(i)) continue;
        const float difference = std::abs(moved[i] - original[i]);
        const float size = std::abs(original[i]);
        const float change = difference >= size ? (difference > 0 ? 1.0F : 0.0F) : difference / size;
        square += static_cast<double>(change) * static_cast<double>(change);
    }
    return square <= static_cast<double>(max_change * max_change) * static_cast<double>(original.size());
}

Gain read_gain(const Pairs& pairs, std::optional<std::size_t> norm, Index width) {
    if (norm)
        if (const auto pair = pairs.of(*norm))
            return {read_vector(pair->original, width), read_vector(pair->suspect, width)};
    return {Vector::Ones(width), Vector::Ones(width)};
}

} // namespace weightseal::watermark::align
