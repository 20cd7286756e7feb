#include "watermark/align/heads.hpp"

#include "watermark/align/fingerprint.hpp"
#include "watermark/align/row_match.hpp"

#include <Eigen/QR>
#include <array>
#include <cmath>

namespace weightseal::watermark::align {
namespace {

// Subspaces are compared after a projection to this many times their dimensions.
constexpr Index projection_factor = 4;
constexpr std::array<Index, 14> usual_sizes{8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 256};
constexpr float as_good = 0.1F;

/// Orthonormal bases of the subspaces that the rows of each head span, projected.
class Bases {
  public:
    Bases(const TensorRows& tensor, const Matrix& projection, Index size, const Crew& crew)
        : size_(size), bases_(tensor.rows() / size * size, projection.cols()) {
        crew.each(static_cast<std::size_t>(count()), [&](std::size_t i) {
            const Index first = static_cast<Index>(i) * size;
            Matrix rows(size, tensor.columns());
            tensor.read_rows(first, rows);
            make_unit_rows(rows);
            const Eigen::MatrixXf projected = (rows * projection).transpose();
            auto basis = bases_.middleRows(first, size);
            if (projected.allFinite() && !projected.isZero(0)) {
                const Eigen::HouseholderQR<Eigen::MatrixXf> factors(projected);
                basis = (factors.householderQ() * Eigen::MatrixXf::Identity(projected.rows(), size)).transpose();
            } else {
                basis.setZero();
            }
        });
    }

    [[nodiscard]] Index count() const { return bases_.rows() / size_; }

    /// 1 for equal subspaces, around 0 for unrelated ones.
    [[nodiscard]] float similarity(Index i, const Bases& other, Index j) const {
        const float overlap =
            (bases_.middleRows(i * size_, size_) * other.bases_.middleRows(j * size_, size_).transpose())
                .squaredNorm() /
            static_cast<float>(size_);
        const float chance = static_cast<float>(size_) / static_cast<float>(bases_.cols());
        return chance < 1 ? (overlap - chance) / (1 - chance) : 0.0F;
    }

  private:
    Index size_;
    Matrix bases_;
};

/// The heads of one tensor in both models.
struct HeadPair {
    Bases original, suspect;
};

class Finder {
  public:
    Finder(const Layer& layer, const Architecture& architecture, const Pairs& pairs, const Residual& residual,
           const Crew& crew)
        : layer_(layer), architecture_(architecture), pairs_(pairs), residual_(residual), crew_(crew) {}

    // Of those parts that both models have.
    [[nodiscard]] std::vector<HeadPair> bases(std::initializer_list<Part> parts, Index size) const {
        std::vector<HeadPair> found;
        const Matrix signs = public_signs(residual_.width(), std::min(residual_.width(), projection_factor * size));
        for (const Part part : parts) {
            const auto tensor = layer_.part(part);
            const auto pair = tensor ? pairs_.of(*tensor) : std::nullopt;
            if (!pair || pair->original.rows() != pair->suspect.rows()) continue;
            const Gain gain = read_gain(pairs_, architecture_.roles[*tensor].norm, residual_.width());
            const Matrix mine = gain.original.asDiagonal() * signs;
            const Matrix theirs = gain.suspect.asDiagonal() * residual_.to_suspect(signs);
            found.push_back({{pair->original, mine, size, crew_}, {pair->suspect, theirs, size, crew_}});
        }
        return found;
    }

    // Mean over the tensors that are there, of `count` heads from `mine` and `theirs` on.
    [[nodiscard]] Matrix similarity(const std::vector<HeadPair>& pairs, Index count, Index mine, Index theirs) const {
        Matrix mean(count, count);
        crew_.each(static_cast<std::size_t>(count), [&](std::size_t row) {
            for (Index i = static_cast<Index>(row), j = 0; j < count; ++j)
                mean(i, j) = similarity_of(pairs, mine + i, theirs + j);
        });
        return mean;
    }

    [[nodiscard]] static float similarity_of(const std::vector<HeadPair>& pairs, Index i, Index j) {
        float sum = 0;
        for (const HeadPair& pair : pairs)
            sum += pair.original.similarity(i, pair.suspect, j);
        return sum / static_cast<float>(pairs.size());
    }

    [[nodiscard]] Places match(const std::vector<HeadPair>& pairs, Index count, Index mine, Index theirs) const {
        bool is_settled = true; // the usual case: all heads are where they were
        for (Index i = 0; i < count && is_settled; ++i)
            is_settled = similarity_of(pairs, mine + i, theirs + i) >= settled;
        return is_settled ? in_place(count, count) : match_by_similarity(similarity(pairs, count, mine, theirs));
    }

    [[nodiscard]] static float mean_similarity(const std::vector<HeadPair>& pairs, const Places& places) {
        if (pairs.empty()) return 0;
        float sum = 0;
        for (std::size_t i = 0; i < places.size(); ++i)
            if (places[i] != nowhere) sum += similarity_of(pairs, static_cast<Index>(i), places[i]);
        return sum / static_cast<float>(places.size());
    }

    // The smallest usual size under which heads are found about as well as under any: a larger one may hold several
    // that moved together, a smaller one has no heads to find once they were mixed.
    [[nodiscard]] Heads find(Index queries, Index keys) const {
        std::vector<std::pair<Heads, float>> found;
        float best = 0;
        for (const Index size : usual_sizes) {
            if (queries % size != 0 || keys % size != 0) continue;
            float similarity = 0;
            Heads heads = find(size, queries / size, keys / size, &similarity);
            found.emplace_back(std::move(heads), similarity);
            best = std::max(best, similarity);
        }
        for (auto& [heads, similarity] : found)
            if (similarity >= best - as_good) return std::move(heads);
        return {};
    }

    // Heads of a known size; `similarity` becomes the mean of those found, the others counting 0.
    [[nodiscard]] Heads find(Index size, Index query_count, Index key_count, float* similarity = nullptr) const {
        const Index group = query_count / key_count;
        Heads heads{size, in_place(query_count, query_count), in_place(key_count, key_count)};
        const std::vector<HeadPair> keys = bases({Part::key, Part::value}, size), queries = bases({Part::query}, size);
        if (!keys.empty()) heads.keys = match(keys, key_count, 0, 0);
        for (Index g = 0; g < key_count; ++g) {
            const Index where = heads.keys[static_cast<std::size_t>(g)];
            const Places inside = where == nowhere || queries.empty() ? in_place(group, group)
                                                                      : match(queries, group, g * group, where * group);
            for (Index i = 0; i < group; ++i) {
                const Index place = inside[static_cast<std::size_t>(i)];
                heads.queries[static_cast<std::size_t>(g * group + i)] =
                    where == nowhere || place == nowhere ? nowhere : where * group + place;
            }
        }
        if (similarity != nullptr)
            *similarity = mean_similarity(keys, heads.keys) + mean_similarity(queries, heads.queries);
        return heads;
    }

  private:
    const Layer& layer_;
    const Architecture& architecture_;
    const Pairs& pairs_;
    const Residual& residual_;
    const Crew& crew_;
};

Index rows_of(const Layer& layer, Part part, const WatermarkRecord& record) {
    const auto tensor = layer.part(part);
    return tensor ? static_cast<Index>(record.tensors[*tensor].shape[0]) : 0;
}

} // namespace

Heads find_heads(const Layer& layer, const Architecture& architecture, const WatermarkRecord& record,
                 const Pairs& pairs, const Residual& residual, Index size, const Crew& crew) {
    const Index queries = rows_of(layer, Part::query, record);
    const Index keys = rows_of(layer, Part::key, record);
    const auto output = layer.part(Part::output);
    if (queries == 0 || keys == 0 || queries % keys != 0 || rows_of(layer, Part::value, record) != keys || !output ||
        record.tensors[*output].shape[1] != static_cast<std::uint64_t>(queries))
        return {};
    const Finder finder(layer, architecture, pairs, residual, crew);
    if (size == 0 || keys % size != 0) return finder.find(queries, keys);
    return finder.find(size, queries / size, keys / size);
}

} // namespace weightseal::watermark::align
