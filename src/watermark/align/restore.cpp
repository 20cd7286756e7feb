#include "watermark/align/restore.hpp"

#include "watermark/align/block_fit.hpp"
#include "watermark/align/fingerprint.hpp"
#include "watermark/align/row_match.hpp"

namespace weightseal::watermark::align {
namespace {

constexpr Index sample_rows = 1024; // that the scale of an embedding is taken from

std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
}

// The elements of blocks that went to `places`, each of `size` elements.
Places expanded(const Places& places, Index size) {
    Places elements;
    elements.reserve(places.size() * at(size));
    for (const Index place : places)
        for (Index i = 0; i < size; ++i)
            elements.push_back(place == nowhere ? nowhere : place * size + i);
    return elements;
}

/// A tensor of a layer, restored as a whole.
class Restorer {
  public:
    Restorer(const Pair& pair, const Role& role, const Findings& findings, Columns columns, const Crew& crew)
        : pair_(pair), role_(role), findings_(findings), columns_(std::move(columns)), crew_(crew),
          row_places_(places_of(role.rows, pair.original.rows(), pair.suspect.rows())),
          column_places_(places_of(role.columns, pair.original.columns(), pair.original.columns())) {}

    Matrix run() {
        values_.resize(pair_.original.rows(), pair_.original.columns());
        if (role_.rows == Space::residual)
            read_and_restore_rows();
        else
            read_and_restore_columns();
        if (role_.rows == Space::query_heads || role_.rows == Space::key_heads) fit_row_blocks();
        if (role_.columns == Space::query_heads) fit_column_blocks();
        if (role_.is_scaled) fit_scales();
        if (role_.columns == Space::residual) columns_.unfold(values_);
        remove_lost();
        return std::move(values_);
    }

  private:
    // Where the rows or columns of a space went, one by one.
    [[nodiscard]] Places places_of(Space space, Index mine, Index theirs) const {
        const Heads& heads = findings_.heads[role_.layer];
        // One of the suspect's tensors may be smaller than the one that told where they went.
        if (space == Space::neurons) return below(findings_.neurons[role_.layer], theirs);
        if (space == Space::query_heads && heads.size != 0) return below(expanded(heads.queries, heads.size), theirs);
        if (space == Space::key_heads && heads.size != 0) return below(expanded(heads.keys, heads.size), theirs);
        return in_place(mine, theirs);
    }

    void read_and_restore_columns() {
        each_panel(crew_, values_.rows(), [&](Index first, Index count) {
            const auto rows = values_.middleRows(first, count);
            pair_.suspect.gather(std::span(row_places_).subspan(at(first), at(count)), rows);
            if (role_.columns == Space::residual) columns_.restore(rows);
        });
    }

    void read_and_restore_rows() {
        if (pair_.suspect.rows() < values_.rows()) {
            values_.setConstant(no_value);
            return;
        }
        each_panel(crew_, values_.rows(), [&](Index first, Index count) {
            Matrix rows(count, values_.cols());
            pair_.suspect.read_rows(first, rows);
            for (Index j = 0; j < values_.cols(); ++j)
                if (const Index place = column_places_[at(j)]; place != nowhere)
                    values_.col(j).segment(first, count) = rows.col(place);
                else
                    values_.col(j).segment(first, count).setZero();
        });
        columns_.residual->restore_rows(values_, crew_);
    }

    [[nodiscard]] Matrix original_rows(Index first, Index count) const {
        Matrix rows(count, values_.cols());
        pair_.original.read_rows(first, rows);
        if (role_.columns == Space::residual) columns_.fold(rows);
        return rows;
    }

    void fit_row_blocks() {
        const Index size = findings_.heads[role_.layer].size;
        if (size == 0) return;
        crew_.each(at(values_.rows() / size), [&](std::size_t head) {
            const Index first = static_cast<Index>(head) * size;
            if (row_places_[at(first)] == nowhere) return;
            Moments moments(size);
            auto block = values_.middleRows(first, size);
            moments.add(original_rows(first, size), block);
            if (const auto fit = fit_block(moments)) block = fit->cast<float>() * Matrix(block);
        });
    }

    void fit_column_blocks() {
        const Index size = findings_.heads[role_.layer].size;
        if (size == 0) return;
        std::vector<Moments> moments(at(values_.cols() / size), Moments(size));
        const auto is_found = [&](std::size_t head) { return column_places_[head * at(size)] != nowhere; };
        for (Index row = 0; row < values_.rows(); row += panel) {
            const Matrix mine = original_rows(row, std::min(panel, values_.rows() - row));
            crew_.each(moments.size(), [&](std::size_t head) {
                const Index first = static_cast<Index>(head) * size;
                if (is_found(head))
                    moments[head].add(Matrix(mine.middleCols(first, size).transpose()),
                                      Matrix(values_.block(row, first, mine.rows(), size).transpose()));
            });
        }
        crew_.each(moments.size(), [&](std::size_t head) {
            auto block = values_.middleCols(static_cast<Index>(head) * size, size);
            if (const auto fit = is_found(head) ? fit_block(moments[head]) : std::nullopt)
                block = Matrix(block) * fit->transpose().cast<float>();
        });
    }

    void fit_scales() {
        const bool by_row = role_.rows == Space::neurons;
        std::vector<ScaleMoments> moments(at(by_row ? values_.rows() : values_.cols()));
        for (Index first = 0; first < values_.rows(); first += panel) {
            const Matrix original = original_rows(first, std::min(panel, values_.rows() - first));
            const auto theirs = values_.middleRows(first, original.rows());
            each_panel(crew_, by_row ? original.rows() : original.cols(), [&](Index begin, Index count) {
                for (Index k = begin; k < begin + count; ++k)
                    for (Index l = 0; l < (by_row ? original.cols() : original.rows()); ++l) {
                        const Index row = by_row ? k : l, column = by_row ? l : k;
                        moments[at(by_row ? first + k : k)].add(original(row, column), theirs(row, column));
                    }
            });
        }
        const std::vector<float> factors = fit_factors(moments);
        const Eigen::Map<const Vector> diagonal(factors.data(), static_cast<Index>(factors.size()));
        if (by_row)
            values_.array().colwise() *= diagonal.array();
        else
            values_.array().rowwise() *= diagonal.transpose().array();
    }

    // What has no place in the suspect has no value.
    void remove_lost() {
        for (Index i = 0; i < values_.rows(); ++i)
            if (row_places_[at(i)] == nowhere || (role_.rows == Space::residual && columns_.residual->is_lost(i)))
                values_.row(i).setConstant(no_value);
        for (Index j = 0; j < values_.cols(); ++j)
            if (column_places_[at(j)] == nowhere) values_.col(j).setConstant(no_value);
    }

    const Pair& pair_;
    const Role& role_;
    const Findings& findings_;
    Columns columns_;
    const Crew& crew_;
    Places row_places_, column_places_;
    Matrix values_;
};

// The factor of a whole embedding: RMSNorm does not see it.
float embedding_factor(const Pair& pair, const Places& places, const Columns& columns) {
    ScaleMoments moments;
    Matrix mine(1, pair.original.columns()), theirs(1, pair.original.columns());
    for (const Index i : evenly_spaced(pair.original.rows(), sample_rows)) {
        if (places[at(i)] == nowhere) continue;
        pair.original.read_rows(i, mine);
        pair.suspect.read_rows(places[at(i)], theirs);
        columns.restore(theirs);
        for (Index j = 0; j < mine.cols(); ++j)
            moments.add(mine(0, j), theirs(0, j));
    }
    return fit_factors({&moments, 1}).front();
}

// Rows that only their content places: of a vocabulary, or of a tensor that has no role.
std::unique_ptr<AlignedTensor> restore_own_rows(const Pair& pair, const Role& role, Columns columns, const Crew& crew) {
    const bool is_residual = role.columns == Space::residual;
    Places places = in_place(pair.original.rows(), pair.suspect.rows());
    if (has_fingerprints(pair.original)) {
        const Residual untouched = Residual::identity(pair.original.columns());
        const auto [mine, theirs] = fingerprints(pair, columns.gain, is_residual ? *columns.residual : untouched, crew);
        places = match_rows(mine, theirs, crew);
    }
    if (!is_residual) return std::make_unique<MovedRows>(pair.suspect, std::move(places));
    const float factor = role.norm ? 1.0F : embedding_factor(pair, places, columns);
    if (columns.residual->is_identity() && !columns.is_folded && factor == 1)
        return std::make_unique<MovedRows>(pair.suspect, std::move(places));
    return std::make_unique<RestoredRows>(pair.suspect, std::move(places), std::move(columns), factor);
}

} // namespace

std::unique_ptr<AlignedTensor> restore(const Pair& pair, const Role& role, const Findings& findings, const Gain& gain,
                                       const Crew& crew) {
    const bool has_gain = role.columns == Space::residual || role.is_gain;
    Columns columns{&findings.residual, gain, has_gain && !gain.is_kept(findings.residual)};
    if (role.rows == Space::own) return restore_own_rows(pair, role, std::move(columns), crew);
    if (role.is_gain)
        return columns.is_folded ? nullptr
                                 : std::make_unique<HeldTensor>(findings.residual.restored_gain(gain.suspect));
    return std::make_unique<HeldTensor>(Restorer(pair, role, findings, std::move(columns), crew).run());
}

} // namespace weightseal::watermark::align
