#include "watermark/align/pairs.hpp"

#include "weightseal/core/bytes.hpp"

#include <algorithm>
#include <limits>

namespace weightseal::watermark::align {
namespace {

std::unordered_map<std::string_view, std::size_t> tensors_of(const ModelSource& model) {
    std::unordered_map<std::string_view, std::size_t> entries;
    for (std::size_t i = 0; i < model.entries().size(); ++i) {
        const SourceEntry& entry = model.entries()[i];
        if (entry.kind == SourceEntry::Kind::tensor || entry.kind == SourceEntry::Kind::alias)
            entries.emplace(entry.name, i);
    }
    return entries;
}

// Rows that a suspect may have beyond the original's, as for new tokens: a hostile one could ask for any memory.
constexpr Index more_rows = 65536;

// Elements of a row of the matrix; 0 where the shape is no matrix.
Index columns_of(std::span<const std::uint64_t> shape) {
    std::uint64_t columns = 1;
    for (const std::uint64_t extent : shape.subspan(std::min<std::size_t>(1, shape.size())))
        if (!checked_mul(columns, extent, columns)) return 0;
    return columns > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) ? 0
                                                                                          : static_cast<Index>(columns);
}

} // namespace

Pairs::Pairs(const ModelSource& original, const ModelSource& suspect, const WatermarkRecord& record,
             std::span<const Match> matches)
    : original_(original), suspect_(suspect), record_(record), matches_(matches.begin(), matches.end()),
      original_entries_(tensors_of(original)), suspect_entries_(tensors_of(suspect)) {}

std::optional<std::size_t> Pairs::suspect_entry(std::size_t tensor) const {
    if (matches_[tensor].entry || !record_.tensors[tensor].tied_to) return matches_[tensor].entry;
    // Tied tensors have no match of their own, yet the suspect may have untied them.
    if (const auto own = suspect_entries_.find(record_.tensors[tensor].name); own != suspect_entries_.end())
        return own->second;
    const auto target = record_.position(*record_.tensors[tensor].tied_to);
    return target ? matches_[*target].entry : std::nullopt;
}

std::optional<Pair> Pairs::of(std::size_t tensor) const {
    const RecordTensor& wanted = record_.tensors[tensor];
    const auto mine = original_entries_.find(wanted.name);
    const auto theirs = suspect_entry(tensor);
    if (mine == original_entries_.end() || !theirs || original_.entries()[mine->second].shape != wanted.shape)
        return std::nullopt;
    const Index columns = columns_of(wanted.shape);
    const auto original = TensorRows::open(original_, mine->second, columns);
    auto suspect = TensorRows::open(suspect_, *theirs, columns);
    if (!original || !suspect) return std::nullopt;
    suspect->limit_rows(original->rows() + more_rows);
    return Pair{*original, *suspect};
}

} // namespace weightseal::watermark::align
