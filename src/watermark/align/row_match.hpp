#pragma once
// Matching of rows, neurons and heads by how similar they are: each other's most similar, or nothing.

#include "watermark/align/matrix.hpp"

namespace weightseal::watermark::align {

/// A cosine or similarity from which on nothing else can be meant.
inline constexpr float settled = 0.9F;

/// Matches rows by the cosines of their fingerprints. Rows that are nearly equal in their places stay there, and those
/// that only changed stay unless another place is far better; everything else goes to the row that it is most similar
/// to and that is most similar to it, or nowhere. Zero rows match nothing.
[[nodiscard]] Places match_rows(const Matrix& original, const Matrix& suspect, const Crew& crew);

/// The same for few things with a known similarity of each (row) to each of the suspect's (column), at most 1 and
/// around 0 for unrelated ones.
[[nodiscard]] Places match_by_similarity(const Matrix& similarity);

/// Whether at least half of the original's rows were matched to rows that are so similar that it is no chance.
[[nodiscard]] bool are_found(const Matrix& original, const Matrix& suspect, const Places& places);

} // namespace weightseal::watermark::align
