#include "watermark/match.hpp"

#include "formats/dequantize.hpp"
#include "io/work.hpp"
#include "watermark/rows.hpp"
#include "watermark/sketch.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>

namespace weightseal::watermark {
namespace {

constexpr double min_similarity = 0.5;
constexpr std::size_t max_dropped_components = 8;
// Pairs of sketches compared for one size of tensor, which takes a minute or two; a hostile suspect could ask for more.
constexpr std::uint64_t max_pairs = std::uint64_t{1} << 32;

std::uint64_t element_count(std::span<const std::uint64_t> shape) {
    std::uint64_t count = 1;
    for (const std::uint64_t extent : shape)
        count *= extent;
    return count;
}

// The name without one, two, … leading components, longest first.
std::vector<std::string_view> name_parts(std::string_view name) {
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i < max_dropped_components; ++i) {
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos || dot + 1 == name.size()) break;
        name.remove_prefix(dot + 1);
        parts.push_back(name);
    }
    return parts;
}

class Matcher {
  public:
    Matcher(const ModelSource& suspect, const WatermarkRecord& record, const Parallel& parallel, const Hooks& hooks)
        : suspect_(suspect), record_(record), parallel_(parallel), hooks_(hooks), matches_(record.tensors.size()),
          taken_(suspect.entries().size()) {
        for (std::size_t i = 0; i < taken_.size(); ++i) {
            const SourceEntry& entry = suspect.entries()[i];
            taken_[i] = entry.kind != SourceEntry::Kind::tensor || !formats::is_float(entry.dtype);
            if (!taken_[i]) by_name_.emplace(entry.name, i);
        }
    }

    std::vector<Match> run() {
        for (std::size_t i = 0; i < matches_.size(); ++i)
            if (is_wanted(i)) take_named(i, record_.tensors[i].name);
        for (const RecordTensor& tensor : record_.tensors) // a tied tensor stands for the one it is tied to
            if (tensor.tied_to)
                if (const auto target = record_.position(*tensor.tied_to); target && !matches_[*target].entry)
                    take_named(*target, tensor.name);
        match_name_parts();
        const std::vector<std::pair<std::size_t, Match>> doubtful = release_doubtful();
        match_sketches();
        for (const auto& [i, match] : doubtful)
            if (!matches_[i].entry) take(i, *match.entry, match.by);
        return std::move(matches_);
    }

  private:
    [[nodiscard]] bool is_wanted(std::size_t i) const {
        return !matches_[i].entry && !record_.tensors[i].tied_to && formats::is_float(record_.tensors[i].dtype);
    }

    // Leading elements of the record's tensor that the suspect's has: whole rows.
    [[nodiscard]] std::uint64_t comparable(std::size_t i, std::size_t entry) const {
        const std::span<const std::uint64_t> mine = record_.tensors[i].shape;
        const std::span<const std::uint64_t> theirs = suspect_.entries()[entry].shape;
        const std::uint64_t elements = element_count(mine);
        const std::uint64_t others = element_count(theirs);
        if (elements == others) return elements;
        if (mine.size() != theirs.size() || mine.empty() || !std::ranges::equal(mine.subspan(1), theirs.subspan(1)))
            return 0;
        const std::uint64_t row = rows_of(mine).length;
        return row == 0 ? 0 : std::min(elements, others) / row * row;
    }

    bool take(std::size_t i, std::size_t entry, MatchedBy by) {
        const std::uint64_t elements = comparable(i, entry);
        if (taken_[entry] || elements == 0) return false;
        taken_[entry] = true;
        matches_[i] = {entry, by, elements};
        return true;
    }

    void take_named(std::size_t i, std::string_view name) {
        if (const auto found = by_name_.find(name); found != by_name_.end()) take(i, found->second, MatchedBy::name);
    }

    // Names that differ by leading components, where exactly one pair fits.
    void match_name_parts() {
        std::unordered_map<std::string_view, std::vector<std::size_t>> by_part;
        for (std::size_t entry = 0; entry < taken_.size(); ++entry)
            if (!taken_[entry])
                for (const std::string_view part : name_parts(suspect_.entries()[entry].name))
                    by_part[part].push_back(entry);
        std::unordered_map<std::size_t, std::vector<std::size_t>> wanted_by; // entry → record tensors
        for (std::size_t i = 0; i < matches_.size(); ++i) {
            if (!is_wanted(i)) continue;
            std::vector<std::size_t> candidates;
            if (const auto longer = by_part.find(record_.tensors[i].name); longer != by_part.end())
                candidates = longer->second;
            for (const std::string_view part : name_parts(record_.tensors[i].name))
                if (const auto shorter = by_name_.find(part); shorter != by_name_.end() && !taken_[shorter->second])
                    candidates.push_back(shorter->second);
            std::erase_if(candidates, [&](std::size_t entry) { return comparable(i, entry) == 0; });
            if (candidates.size() == 1) wanted_by[candidates.front()].push_back(i);
        }
        for (const auto& [entry, wanting] : wanted_by)
            if (wanting.size() == 1) take(wanting.front(), entry, MatchedBy::name_part);
    }

    // Names are easily exchanged. Where the content is another, the match is undone until no tensor fits better.
    std::vector<std::pair<std::size_t, Match>> release_doubtful() {
        std::vector<std::pair<std::size_t, Match>> doubtful;
        for (std::size_t i = 0; i < matches_.size(); ++i) {
            const RecordTensor& tensor = record_.tensors[i];
            if (!matches_[i].entry || !tensor.mark) continue;
            const std::size_t entry = *matches_[i].entry;
            if (element_count(suspect_.entries()[entry].shape) != element_count(tensor.shape)) continue;
            if (similarity(sketch_of(suspect_, entry), tensor.mark->sketch) > min_similarity) continue;
            doubtful.emplace_back(i, std::exchange(matches_[i], {}));
            taken_[entry] = false;
        }
        return doubtful;
    }

    // What is left, by content: pairs that are each other's most similar.
    void match_sketches() {
        std::map<std::uint64_t, std::vector<std::size_t>> mine, theirs; // by number of elements
        for (std::size_t i = 0; i < matches_.size(); ++i)
            if (is_wanted(i) && record_.tensors[i].mark) mine[element_count(record_.tensors[i].shape)].push_back(i);
        for (std::size_t entry = 0; entry < taken_.size(); ++entry)
            if (!taken_[entry]) theirs[element_count(suspect_.entries()[entry].shape)].push_back(entry);
        for (const auto& [elements, tensors] : mine)
            if (const auto group = theirs.find(elements); group != theirs.end()) {
                // Of equally similar ones the first by name, however the suspect's file is ordered.
                std::ranges::sort(group->second, {}, [&](std::size_t entry) -> const std::string& {
                    return suspect_.entries()[entry].name;
                });
                match_group(tensors, group->second);
            }
    }

    struct Best {
        double similarity = min_similarity;
        std::optional<std::size_t> other;

        void offer(double found, std::size_t candidate) {
            if (found > similarity) *this = {found, candidate};
        }
    };

    void match_group(const std::vector<std::size_t>& tensors, const std::vector<std::size_t>& entries) {
        if (entries.size() > max_pairs / tensors.size()) return;
        constexpr std::size_t batch = 16; // of entries: `sketches` are read once for all of them
        std::vector<MeasuredSketch> sketches;
        for (const std::size_t i : tensors)
            sketches.emplace_back(record_.tensors[i].mark->sketch);
        std::vector<Best> of_tensor(tensors.size()), of_entry(entries.size());
        std::mutex mutex; // of `of_tensor`
        std::atomic<std::size_t> next{0};
        io::Work work(hooks_, 0);
        work.run(parallel_, entries.size(), [&](std::size_t) {
            std::vector<Best> best(tensors.size());
            while (work.goes_on()) {
                const std::size_t first = next.fetch_add(batch, std::memory_order_relaxed);
                if (first >= entries.size()) break;
                const std::size_t last = std::min(first + batch, entries.size());
                std::vector<MeasuredSketch> theirs;
                for (std::size_t e = first; e < last; ++e)
                    theirs.emplace_back(sketch_of(suspect_, entries[e]));
                for (std::size_t t = 0; t < tensors.size(); ++t)
                    for (std::size_t e = first; e < last; ++e) {
                        const double found = similarity(theirs[e - first], sketches[t]);
                        best[t].offer(found, e);
                        of_entry[e].offer(found, t);
                    }
            }
            const std::lock_guard lock(mutex);
            for (std::size_t t = 0; t < tensors.size(); ++t) // of equals the first, whichever worker saw it
                if (best[t].other &&
                    (best[t].similarity > of_tensor[t].similarity ||
                     (best[t].similarity == of_tensor[t].similarity && *best[t].other < of_tensor[t].other)))
                    of_tensor[t] = best[t];
        });
        for (std::size_t t = 0; t < tensors.size(); ++t)
            if (const auto e = of_tensor[t].other; e && of_entry[*e].other == t)
                take(tensors[t], entries[*e], MatchedBy::sketch);
    }

    const ModelSource& suspect_;
    const WatermarkRecord& record_;
    const Parallel& parallel_;
    const Hooks& hooks_;
    std::vector<Match> matches_;
    std::vector<bool> taken_; // entries that stand for something already, or cannot
    std::unordered_map<std::string_view, std::size_t> by_name_;
};

} // namespace

std::vector<Match> match_tensors(const ModelSource& suspect, const WatermarkRecord& record, const Parallel& parallel,
                                 const Hooks& hooks) {
    return Matcher(suspect, record, parallel, hooks).run();
}

} // namespace weightseal::watermark
