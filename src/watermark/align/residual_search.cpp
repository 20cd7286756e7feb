#include "watermark/align/residual_search.hpp"

#include "watermark/align/fingerprint.hpp"
#include "watermark/align/invariants.hpp"
#include "watermark/align/polar.hpp"
#include "watermark/align/row_match.hpp"

#include <algorithm>

namespace weightseal::watermark::align {
namespace {

// R is a matrix of this size at most, and a few of them are held.
constexpr Index max_width = 16384;
constexpr int rounds = 2;
// Rows behind each estimate of R, in widths: its error is then about a quarter of theirs.
constexpr Index vocabulary_rows = 8;
constexpr Index neuron_rows = 8; // of each of two tensors
constexpr Index min_layers = 4;
// Tensors whose second moments, each a matrix as large as R, are the invariants: eight, fewer of wide models.
constexpr Index min_forms = 4, max_forms = 8, form_elements = Index{1} << 27;

class Search {
  public:
    Search(const Architecture& architecture, const Pairs& pairs, const Crew& crew)
        : architecture_(architecture), pairs_(pairs), crew_(crew), width_(architecture.width) {}

    Residual run() {
        const Residual untouched = Residual::identity(width_);
        if (width_ == 0 || width_ > max_width || explains(untouched)) return untouched;
        Matrix by_vocabulary = Matrix::Zero(width_, width_);
        add_vocabulary(by_vocabulary, nullptr);
        if (auto found = refined(by_vocabulary, true)) return *found;
        Matrix by_invariants = Matrix::Zero(width_, width_);
        add_invariants(by_invariants);
        if (auto found = refined(by_invariants, false)) return *found;
        return untouched;
    }

  private:
    [[nodiscard]] std::optional<ResidualRows> rows_of(std::optional<std::size_t> tensor) const {
        const auto pair = tensor ? pairs_.of(*tensor) : std::nullopt;
        if (!pair || !has_fingerprints(pair->original)) return std::nullopt;
        return ResidualRows{*pair, read_gain(pairs_, architecture_.roles[*tensor].norm, width_)};
    }

    // Whether a layer's neurons are found under R, or the vocabulary where there are none.
    [[nodiscard]] bool explains(const Residual& residual) const {
        bool has_neurons = false;
        for (const Layer& layer : chosen_layers())
            if (const auto rows = rows_of(layer.part(Part::gate))) {
                if (are_found_in(*rows, residual)) return true;
                has_neurons = true;
            }
        const auto vocabulary = rows_of(architecture_.embedding);
        return !has_neurons && vocabulary && are_found_in(*vocabulary, residual);
    }

    [[nodiscard]] bool are_found_in(const ResidualRows& rows, const Residual& residual) const {
        const auto [mine, theirs] = fingerprints(rows.pair, rows.gain, residual, crew_);
        return are_found(mine, theirs, match_rows(mine, theirs, crew_));
    }

    // R from a first sum, then again from all rows that it matches; empty where it explains nothing.
    [[nodiscard]] std::optional<Residual> refined(const Matrix& first, bool with_vocabulary) const {
        auto r = polar_factor(first, crew_);
        for (int round = 0; round < rounds && r; ++round) {
            if (signed_permutation_near(*r)) break;
            const Residual known = Residual::rotation(std::move(*r));
            Matrix sum = Matrix::Zero(width_, width_);
            if (with_vocabulary) add_vocabulary(sum, &known);
            add_neurons(sum, known);
            r = polar_factor(sum, crew_);
        }
        if (!r) return std::nullopt;
        Residual found = snapped(std::move(*r));
        return explains(found) ? std::optional(std::move(found)) : std::nullopt;
    }

    [[nodiscard]] Residual snapped(Matrix r) const {
        if (architecture_.family == ModelFamily::post_layernorm) return permutation_nearest(r);
        if (auto permutation = signed_permutation_near(r)) return std::move(*permutation);
        return Residual::rotation(std::move(r));
    }

    void add_vocabulary(Matrix& sum, const Residual* known) const {
        for (const auto tensor : {architecture_.embedding, architecture_.head})
            if (const auto rows = rows_of(tensor))
                add(sum, *rows, in_place(rows->pair.original.rows(), rows->pair.suspect.rows()), known,
                    vocabulary_rows * width_);
    }

    void add_neurons(Matrix& sum, const Residual& known) const {
        for (const Layer& layer : chosen_layers()) {
            const Places places = find_neurons(layer, architecture_, pairs_, known, crew_);
            for (const Part part : {Part::gate, Part::up})
                if (const auto rows = rows_of(layer.part(part)))
                    add(sum, *rows, below(places, rows->pair.suspect.rows()), &known, neuron_rows * width_);
        }
    }

    void add_invariants(Matrix& sum) const {
        std::vector<ResidualRows> tensors;
        std::size_t gates = 0;
        for (const Part part : {Part::gate, Part::up})
            for (const Layer& layer : chosen_layers())
                if (auto rows = rows_of(layer.part(part))) {
                    gates += part == Part::gate ? 1U : 0U;
                    tensors.push_back(std::move(*rows));
                }
        if (gates == 0) return;
        const auto forms =
            static_cast<std::size_t>(std::clamp(form_elements / (width_ * width_), min_forms, max_forms));
        const auto used = std::span(tensors).first(std::min(tensors.size(), forms));
        const std::vector<Places> places = match_by_invariants(used, std::min(gates, used.size()), crew_);
        for (std::size_t i = 0; i < places.size(); ++i)
            add(sum, tensors[i], places[i], nullptr, neuron_rows * width_);
    }

    // Layers enough for a good estimate, spread over the model.
    [[nodiscard]] std::vector<Layer> chosen_layers() const {
        const auto& layers = architecture_.layers;
        const Index neurons = std::max<Index>(1, layers.front().neurons);
        const Index wanted = std::max(min_layers, (neuron_rows * width_ + neurons - 1) / neurons);
        std::vector<Layer> chosen;
        for (const Index i : evenly_spaced(static_cast<Index>(layers.size()), wanted))
            chosen.push_back(layers[static_cast<std::size_t>(i)]);
        return chosen;
    }

    // Adds Σ x₀ᵀx' over the directions of matched rows, each weighted by its cosine under the known R: so that the sign
    // of scaled neurons cancels, and wrong matches count little.
    void add(Matrix& sum, const ResidualRows& rows, const Places& places, const Residual* known, Index wanted) const {
        Places mine, theirs;
        for (const Index i : evenly_spaced(static_cast<Index>(places.size()), wanted))
            if (places[static_cast<std::size_t>(i)] != nowhere) {
                mine.push_back(i);
                theirs.push_back(places[static_cast<std::size_t>(i)]);
            }
        std::optional<Projection> projection;
        if (known != nullptr) projection = make_projection(rows.pair, rows.gain, *known);
        constexpr std::size_t step = 1024;
        for (std::size_t first = 0; first < mine.size(); first += step) {
            const std::size_t count = std::min(step, mine.size() - first);
            Matrix original(static_cast<Index>(count), width_), suspect(static_cast<Index>(count), width_);
            rows.pair.original.gather(std::span(mine).subspan(first, count), original);
            rows.pair.suspect.gather(std::span(theirs).subspan(first, count), suspect);
            make_unit_rows(original); // before anything can overflow
            make_unit_rows(suspect);
            Vector weights = Vector::Ones(static_cast<Index>(count));
            if (projection) {
                Matrix a = original * projection->original, b = suspect * projection->suspect;
                make_unit_rows(a);
                make_unit_rows(b);
                weights = a.cwiseProduct(b).rowwise().sum();
            }
            original = original * rows.gain.original.asDiagonal();
            suspect = suspect * rows.gain.suspect.asDiagonal();
            make_unit_rows(original);
            make_unit_rows(suspect);
            original = weights.asDiagonal() * original;
            add_product(sum, original, suspect, crew_);
        }
    }

    const Architecture& architecture_;
    const Pairs& pairs_;
    const Crew& crew_;
    Index width_;
};

} // namespace

Residual find_residual(const Architecture& architecture, const Pairs& pairs, const Crew& crew) {
    return Search(architecture, pairs, crew).run();
}

Places find_neurons(const Layer& layer, const Architecture& architecture, const Pairs& pairs, const Residual& residual,
                    const Crew& crew) {
    const auto gate = layer.part(Part::gate);
    const auto pair = gate ? pairs.of(*gate) : std::nullopt;
    if (!pair || !has_fingerprints(pair->original)) return in_place(layer.neurons, layer.neurons);
    const Gain gain = read_gain(pairs, architecture.roles[*gate].norm, residual.width());
    const auto [mine, theirs] = fingerprints(*pair, gain, residual, crew);
    return match_rows(mine, theirs, crew);
}

} // namespace weightseal::watermark::align
