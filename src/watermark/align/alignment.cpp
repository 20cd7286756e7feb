#include "watermark/alignment.hpp"

#include "watermark/align/residual_search.hpp"
#include "watermark/align/restore.hpp"

namespace weightseal::watermark {
namespace {

using namespace align;

// Every row in its place.
class NoAlignment final : public Alignment {
  public:
    explicit NoAlignment(Pairs pairs) : pairs_(std::move(pairs)) {}

    [[nodiscard]] ModelFamily family() const override { return ModelFamily::none; }

    [[nodiscard]] std::unique_ptr<AlignedTensor> open(std::size_t tensor) const override {
        const auto pair = pairs_.of(tensor);
        if (!pair) return nullptr;
        return std::make_unique<MovedRows>(pair->suspect, in_place(pair->original.rows(), pair->suspect.rows()));
    }

  private:
    Pairs pairs_;
};

class FoundAlignment final : public Alignment {
  public:
    FoundAlignment(const ModelSource& original, const ModelSource& suspect, const WatermarkRecord& record,
                   std::span<const Match> matches, ModelFamily family, const Parallel& parallel, const Hooks& hooks)
        : crew_{parallel, hooks}, pairs_(original, suspect, record, matches),
          architecture_(find_architecture(record, family)), findings_(find_residual(architecture_, pairs_, crew_)) {
        Index head_size = configured_head_size(original);
        for (const Layer& layer : architecture_.layers) {
            findings_.neurons.push_back(find_neurons(layer, architecture_, pairs_, findings_.residual, crew_));
            findings_.heads.push_back(
                find_heads(layer, architecture_, record, pairs_, findings_.residual, head_size, crew_));
            if (head_size == 0) head_size = findings_.heads.back().size;
        }
    }

    [[nodiscard]] ModelFamily family() const override { return architecture_.family; }

    [[nodiscard]] std::unique_ptr<AlignedTensor> open(std::size_t tensor) const override {
        const auto pair = pairs_.of(tensor);
        if (!pair) return nullptr;
        const Role& role = architecture_.roles[tensor];
        const bool has_gain = role.columns == Space::residual || role.is_gain;
        const Index width = has_gain ? architecture_.width : pair->original.columns();
        return restore(*pair, role, findings_, read_gain(pairs_, role.is_gain ? tensor : role.norm, width), crew_);
    }

  private:
    Crew crew_;
    Pairs pairs_;
    Architecture architecture_;
    Findings findings_;
};

} // namespace

std::unique_ptr<Alignment> make_alignment(const ModelSource& original, const ModelSource& suspect,
                                          const WatermarkRecord& record, std::span<const Match> matches,
                                          ModelFamily family, const Parallel& parallel, const Hooks& hooks) {
    if (family == ModelFamily::none) return std::make_unique<NoAlignment>(Pairs(original, suspect, record, matches));
    return std::make_unique<FoundAlignment>(original, suspect, record, matches, family, parallel, hooks);
}

} // namespace weightseal::watermark
