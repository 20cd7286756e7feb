#pragma once
// Alignment: which symmetries a model has, so that a suspect can be brought back into the coordinates of the original
// (WATERMARK.md §5b).

#include <cstdint>
#include <string_view>

namespace weightseal {

/// The symmetries that alignment undoes.
enum class ModelFamily : std::uint8_t {
    automatic = 0,      ///< read from the tensors' names; of others, rows are found by content
    none = 1,           ///< rows in their places: differences to the original only
    rmsnorm = 2,        ///< Llama-like: rotation of the residual, norm gains, FFN, heads, V/O, Q/K
    post_layernorm = 3, ///< BERT-like: permutation of the residual, FFN, heads, V/O, Q/K
};

/// "automatic", "none", "rmsnorm" or "post-layernorm".
[[nodiscard]] std::string_view model_family_name(ModelFamily family) noexcept;

} // namespace weightseal
