#include "watermark/align/residual_search.hpp"

#include "watermark/align/fingerprint.hpp"
#include "watermark/align/polar.hpp"
#include "watermark/align/row_match.hpp"

#include <array>

namespace weightseal::watermark::align {
namespace {

// R is a matrix of this size at most, and four of them are held.
constexpr Index max_width = 16384;
constexpr int rounds = 2;
// Rows behind each estimate of R, in widths: its error is then a quarter of theirs.
constexpr Index vocabulary_rows = 8;
constexpr Index neuron_rows = 8; // of each of two tensors
constexpr Index min_layers = 4;

/// Rows of one tensor, and what they are compared with.
struct Rows {
    Pair pair;
    Gain gain;
};

class Search {
  public:
    Search(const Architecture& architecture, const Pairs& pairs, const Crew& crew)
        : architecture_(architecture), pairs_(pairs), crew_(crew), width_(architecture.width) {
        for (const auto tensor : {architecture.embedding, architecture.head})
            if (tensor)
                if (auto rows = rows_of_tensor(*tensor)) vocabulary_.push_back(std::move(*rows));
    }

    Residual run() {
        Residual residual = Residual::identity(width_);
        if (vocabulary_.empty() || width_ > max_width) return residual;
        const float untouched = vocabulary_cosine(residual);
        if (untouched >= settled || vocabulary_moved()) return residual;
        if (const auto first = estimate(nullptr)) residual = *first;
        for (int round = 0; round < rounds && residual.is_rotation(); ++round)
            if (const auto better = estimate(&residual)) residual = *better;
        // The change must at least halve the distance of fingerprints, 2 − 2·cosine.
        return 1 - vocabulary_cosine(residual) < 0.5F * (1 - untouched) ? residual : Residual::identity(width_);
    }

  private:
    [[nodiscard]] std::optional<Rows> rows_of_tensor(std::size_t tensor) const {
        auto pair = pairs_.of(tensor);
        if (!pair || !has_fingerprints(pair->original)) return std::nullopt;
        return Rows{*pair, read_gain(pairs_, architecture_.roles[tensor].norm, width_)};
    }

    // Whether rows of the vocabulary in their places look alike, at the median.
    [[nodiscard]] float vocabulary_cosine(const Residual& residual) const {
        const Rows& rows = vocabulary_.front();
        const auto [mine, theirs] = make_projection(rows.pair, rows.gain, residual);
        return median_cosine(fingerprints(rows.pair.original, mine, crew_),
                             fingerprints(rows.pair.suspect, theirs, crew_),
                             in_place(rows.pair.original.rows(), rows.pair.suspect.rows()));
    }

    // Whether rows of the vocabulary are found at other places, without any change of their columns.
    [[nodiscard]] bool vocabulary_moved() const {
        const Rows& rows = vocabulary_.front();
        const auto [mine, theirs] = make_projection(rows.pair, rows.gain, Residual::identity(width_));
        const Places places = match_rows(fingerprints(rows.pair.original, mine, crew_),
                                         fingerprints(rows.pair.suspect, theirs, crew_), crew_);
        const auto found = places.size() - static_cast<std::size_t>(std::ranges::count(places, nowhere));
        return 2 * found >= std::min(places.size(), static_cast<std::size_t>(rows.pair.suspect.rows()));
    }

    // R from the rows of the vocabulary and, where an earlier R is known, of the neurons that it matches.
    [[nodiscard]] std::optional<Residual> estimate(const Residual* known) const {
        Matrix sum = Matrix::Zero(width_, width_);
        for (const Rows& rows : vocabulary_)
            add(sum, rows, in_place(rows.pair.original.rows(), rows.pair.suspect.rows()), known,
                vocabulary_rows * width_);
        if (known != nullptr)
            for (const Layer& layer : chosen_layers()) {
                const Places places = find_neurons(layer, architecture_, pairs_, *known, crew_);
                for (const Part part : {Part::gate, Part::up})
                    if (const auto tensor = layer.part(part))
                        if (const auto rows = rows_of_tensor(*tensor))
                            add(sum, *rows, below(places, rows->pair.suspect.rows()), known, width_ * neuron_rows);
            }
        auto r = polar_factor(sum, crew_);
        if (!r) return std::nullopt;
        if (architecture_.family == ModelFamily::post_layernorm) return permutation_nearest(*r);
        if (auto snapped = signed_permutation_near(*r)) return snapped;
        return Residual::rotation(std::move(*r));
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

    // Adds Σ x₀ᵀx' over matched rows of length 1, each weighted by its cosine under the known R: so that the sign of
    // scaled neurons cancels, and wrong matches count little.
    void add(Matrix& sum, const Rows& rows, const Places& places, const Residual* known, Index wanted) const {
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
            each_panel(crew_, width_, [&](Index begin, Index columns) {
                sum.middleCols(begin, columns).noalias() += original.transpose() * suspect.middleCols(begin, columns);
            });
        }
    }

    const Architecture& architecture_;
    const Pairs& pairs_;
    const Crew& crew_;
    Index width_;
    std::vector<Rows> vocabulary_;
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
    const auto [mine, theirs] = make_projection(*pair, gain, residual);
    return match_rows(fingerprints(pair->original, mine, crew), fingerprints(pair->suspect, theirs, crew), crew);
}

} // namespace weightseal::watermark::align
