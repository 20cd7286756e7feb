#pragma once
// Pairs: a tensor of the original beside the suspect's that stands for it.

#include "watermark/align/tensor_rows.hpp"
#include "watermark/match.hpp"
#include "weightseal/watermark/record.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weightseal::watermark::align {

/// Both as rows of the same length; how many rows they have may differ.
struct Pair {
    TensorRows original;
    TensorRows suspect;
};

class Pairs {
  public:
    /// The sources and the record must outlive it.
    Pairs(const ModelSource& original, const ModelSource& suspect, const WatermarkRecord& record,
          std::span<const Match> matches);

    /// Of the record's tensor number `tensor`; empty where either model has nothing for it. A tied tensor has a pair
    /// as soon as the suspect has something for the tensor it is tied to.
    [[nodiscard]] std::optional<Pair> of(std::size_t tensor) const;

  private:
    [[nodiscard]] std::optional<std::size_t> suspect_entry(std::size_t tensor) const;

    const ModelSource& original_;
    const ModelSource& suspect_;
    const WatermarkRecord& record_;
    std::vector<Match> matches_;
    std::unordered_map<std::string_view, std::size_t> original_entries_, suspect_entries_;
};

} // namespace weightseal::watermark::align
