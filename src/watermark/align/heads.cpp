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
// Sizes that heads have, the largest first.
constexpr std::array<Index, 14> usual_sizes{256, 192, 160, 128, 112, 96, 80, 64, 48, 40, 32, 24, 16, 8};
constexpr float as_good = 0.02F;

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
            (bases_.middleRows(i * size_, size_) * other.bases_.middleRows(j * size_, size_).transpose()).squaredNorm() /
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

    [[nodiscard]] std::optional<HeadPair> bases(Part part, Index size) const {
        const auto tensor = layer_.part(part);
        const auto pair = tensor ? pairs_.of(*tensor) : std::nullopt;
        if (!pair || pair->original.rows() != pair->suspect.rows() || pair->original.rows() % size != 0)
            return std::nullopt;
        const Gain gain = read_gain(pairs_, architecture_.roles[*tensor].norm, residual_.width());
        const Matrix signs = public_signs(residual_.width(), std::min(residual_.width(), projection_factor * size));
        const Matrix mine = gain.original.asDiagonal() * signs;
        const Matrix theirs = gain.suspect.asDiagonal() * residual_.to_suspect(signs);
        return HeadPair{{pair->original, mine, size, crew_}, {pair->suspect, theirs, size, crew_}};
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

    [[nodiscard]] std::vector<HeadPair> keys_and_values(Index size) const {
        std::vector<HeadPair> found;
        for (const Part part : {Part::key, Part::value})
            if (auto pair = bases(part, size)) found.push_back(std::move(*pair));
        return found;
    }

    // The largest usual size under which heads are found as well as under any.
    [[nodiscard]] Index find_size(Index queries, Index keys) const {
        Index best = 0;
        float best_found = -1;
        for (const Index size : usual_sizes) {
            if (queries % size != 0 || keys % size != 0) continue;
            const auto pairs = keys_and_values(size);
            if (pairs.empty()) return 0;
            const float found = similarity(pairs, keys / size, 0, 0).rowwise().maxCoeff().mean();
            if (found > best_found + as_good) {
                best = size;
                best_found = found;
            }
        }
        return best;
    }

    [[nodiscard]] Heads find(Index size, Index query_count, Index key_count) const {
        const Index group = query_count / key_count;
        Heads heads{size, in_place(query_count, query_count), in_place(key_count, key_count)};
        if (const auto pairs = keys_and_values(size); !pairs.empty())
            heads.keys = match(pairs, key_count, 0, 0);
        std::vector<HeadPair> queries;
        if (auto pair = bases(Part::query, size)) queries.push_back(std::move(*pair));
        for (Index g = 0; g < key_count; ++g) {
            const Index where = heads.keys[static_cast<std::size_t>(g)];
            const Places inside = where == nowhere || queries.empty() || group == 1
                                      ? in_place(group, group)
                                      : match(queries, group, g * group, where * group);
            for (Index i = 0; i < group; ++i) {
                const Index place = inside[static_cast<std::size_t>(i)];
                heads.queries[static_cast<std::size_t>(g * group + i)] =
                    where == nowhere || place == nowhere ? nowhere : where * group + place;
            }
        }
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
    if (size == 0 || keys % size != 0) size = finder.find_size(queries, keys);
    if (size == 0) return {};
    return finder.find(size, queries / size, keys / size);
}

} // namespace weightseal::watermark::align
