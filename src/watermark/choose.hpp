#pragma once
// Choosing: which tensors of a model are marked.

#include "weightseal/formats/model_source.hpp"

#include <string>
#include <vector>

namespace weightseal::watermark {

/// For each entry of `model`, whether it is a tensor to mark. `patterns` are those of `MarkOptions::tensors`. Throws
/// `nothing_to_mark` and `unmarkable_dtype`.
[[nodiscard]] std::vector<bool> choose_tensors(const ModelSource& model, const std::vector<std::string>& patterns);

} // namespace weightseal::watermark
