#include "watermark/align/row_match.hpp"

#include <algorithm>
#include <mutex>

namespace weightseal::watermark::align {
namespace {

// Cosines of fingerprints; those of unrelated rows have a deviation of 1/8.
constexpr float similar = 0.5F;        // needed to go elsewhere
constexpr float surely_similar = 0.7F; // no chance, however many rows there are
constexpr float related = 0.1F;    // a median over rows in their places that unrelated ones never reach: they stayed
constexpr float far_better = 0.3F; // what another place must add where rows stayed
// Pairs of rows compared at most: more are the hanging of a hostile suspect.
constexpr double max_pairs = 0x1p37;

std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
}

// The most similar so far; of equal ones the first.
struct Best {
    float similarity = -2;
    Index where = nowhere;

    void consider(float found, Index place) {
        if (found > similarity || (found == similarity && place < where)) *this = {found, place};
    }
};

struct Bests {
    std::vector<Best> of_original, of_suspect;
};

float median(std::vector<float> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// Cosines of rows in their places.
std::vector<float> cosines_in_place(const Matrix& original, const Matrix& suspect) {
    std::vector<float> cosines(at(std::min(original.rows(), suspect.rows())));
    for (std::size_t i = 0; i < cosines.size(); ++i)
        cosines[i] = original.row(static_cast<Index>(i)).dot(suspect.row(static_cast<Index>(i)));
    return cosines;
}

Bests best_cosines(const Matrix& original, const Matrix& suspect, const Crew& crew) {
    Bests bests{std::vector<Best>(at(original.rows())), std::vector<Best>(at(suspect.rows()))};
    std::mutex mutex;
    each_panel(crew, original.rows(), [&](Index first, Index count) {
        std::vector<Best> of_suspect(at(suspect.rows()));
        Matrix cosines;
        for (Index begin = 0; begin < suspect.rows(); begin += panel) {
            const Index width = std::min(panel, suspect.rows() - begin);
            cosines.noalias() = original.middleRows(first, count) * suspect.middleRows(begin, width).transpose();
            for (Index i = 0; i < count; ++i)
                for (Index j = 0; j < width; ++j) {
                    bests.of_original[at(first + i)].consider(cosines(i, j), begin + j);
                    of_suspect[at(begin + j)].consider(cosines(i, j), first + i);
                }
        }
        const std::lock_guard lock(mutex);
        for (std::size_t j = 0; j < of_suspect.size(); ++j)
            bests.of_suspect[j].consider(of_suspect[j].similarity, of_suspect[j].where);
    });
    return bests;
}

// Rows that still look for their place, on either side.
struct Rest {
    Places original, suspect;
};

// Finds places for the rest; bests are numbered within it.
void place_rest(const Rest& rest, const Bests& bests, const std::vector<float>& cosines, Places& places) {
    const bool stayed = median(cosines) >= related;
    std::vector<bool> taken(cosines.size());
    const auto cosine = [&](Index i) { return at(i) < cosines.size() ? cosines[at(i)] : -1.0F; };
    for (std::size_t a = 0; a < rest.original.size(); ++a) {
        const auto [similarity, b] = bests.of_original[a];
        if (b == nowhere || similarity < (stayed ? surely_similar : similar) ||
            bests.of_suspect[at(b)].where != static_cast<Index>(a))
            continue;
        const Index mine = rest.original[a], theirs = rest.suspect[at(b)];
        if (stayed && mine != theirs && cosine(mine) >= similarity - far_better) continue;
        places[at(mine)] = theirs;
        if (at(theirs) < taken.size()) taken[at(theirs)] = true;
    }
    if (!stayed) return;
    for (const Index mine : rest.original)
        if (places[at(mine)] == nowhere && at(mine) < taken.size() && !taken[at(mine)]) places[at(mine)] = mine;
}

// Rows that are settled go to their places; returns the others.
Rest settle(Index mine, Index theirs, const std::vector<float>& cosines, Places& places) {
    Rest rest;
    for (Index i = 0; i < std::max(mine, theirs); ++i) {
        if (at(i) < cosines.size() && cosines[at(i)] >= settled) {
            places[at(i)] = i;
            continue;
        }
        if (i < mine) rest.original.push_back(i);
        if (i < theirs) rest.suspect.push_back(i);
    }
    return rest;
}

Matrix chosen_rows(const Matrix& from, const Places& rows) {
    Matrix chosen(static_cast<Index>(rows.size()), from.cols());
    for (std::size_t i = 0; i < rows.size(); ++i)
        chosen.row(static_cast<Index>(i)) = from.row(rows[i]);
    return chosen;
}

} // namespace

Places match_rows(const Matrix& original, const Matrix& suspect, const Crew& crew) {
    Places places(at(original.rows()), nowhere);
    const std::vector<float> cosines = cosines_in_place(original, suspect);
    const Rest rest = settle(original.rows(), suspect.rows(), cosines, places);
    if (static_cast<double>(rest.original.size()) * static_cast<double>(rest.suspect.size()) > max_pairs)
        return in_place(original.rows(), suspect.rows());
    place_rest(rest, best_cosines(chosen_rows(original, rest.original), chosen_rows(suspect, rest.suspect), crew),
               cosines, places);
    return places;
}

Places match_by_similarity(const Matrix& similarity) {
    Places places(at(similarity.rows()), nowhere);
    std::vector<float> diagonal(at(std::min(similarity.rows(), similarity.cols())));
    for (std::size_t i = 0; i < diagonal.size(); ++i)
        diagonal[i] = similarity(static_cast<Index>(i), static_cast<Index>(i));
    const Rest rest = settle(similarity.rows(), similarity.cols(), diagonal, places);
    Bests bests{std::vector<Best>(rest.original.size()), std::vector<Best>(rest.suspect.size())};
    for (std::size_t i = 0; i < rest.original.size(); ++i)
        for (std::size_t j = 0; j < rest.suspect.size(); ++j) {
            const float found = similarity(rest.original[i], rest.suspect[j]);
            bests.of_original[i].consider(found, static_cast<Index>(j));
            bests.of_suspect[j].consider(found, static_cast<Index>(i));
        }
    place_rest(rest, bests, diagonal, places);
    return places;
}

bool are_found(const Matrix& original, const Matrix& suspect, const Places& places) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] != nowhere)
            found += original.row(static_cast<Index>(i)).dot(suspect.row(places[i])) >= surely_similar ? 1U : 0U;
    return 2 * found >= places.size();
}

} // namespace weightseal::watermark::align
