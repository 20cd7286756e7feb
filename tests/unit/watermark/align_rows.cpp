// Rows of tensors that nothing but their content places: vocabularies, and models of unknown names.

#include "support/alignment.hpp"

#include <set>

namespace weightseal::testing {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr Index rows = 300, columns = 96;
const std::string name = "table";

Transformer table(const MatrixXd& values) {
    return {{}, {{name, false, values}}};
}

MatrixXd random_table() {
    Random random(5);
    MatrixXd values = random.matrix(rows, columns, 0.02);
    values.rowwise() += Eigen::RowVectorXd(random.matrix(1, columns, 0.05)); // rows that look alike
    return values;
}

std::vector<float> aligned_table(const MatrixXd& original, const MatrixXd& suspect) {
    const Aligned aligned = align(model_of(table(original)), model_of(table(suspect)));
    CHECK(aligned.family == ModelFamily::none);
    return aligned.at(name);
}

// Which row of the suspect each row of the aligned table is, −1 where it has no value; fails on anything else.
std::vector<Index> rows_used(const std::vector<float>& aligned, const MatrixXd& suspect, const MatrixXd& original) {
    std::vector<Index> used;
    for (Index i = 0; i < original.rows(); ++i) {
        const float* row = aligned.data() + i * columns;
        if (std::isnan(row[0])) {
            used.push_back(-1);
            continue;
        }
        Index found = -1;
        for (Index j = 0; j < suspect.rows() && found < 0; ++j) {
            bool is_equal = true;
            for (Index k = 0; k < columns && is_equal; ++k)
                is_equal = row[k] == static_cast<float>(suspect(j, k));
            if (is_equal && std::ranges::find(used, j) == used.end()) found = j;
        }
        CHECK(found >= 0);
        used.push_back(found);
    }
    return used;
}

MatrixXd without_row(const MatrixXd& values, Index row) {
    MatrixXd fewer(values.rows() - 1, values.cols());
    fewer << values.topRows(row), values.bottomRows(values.rows() - row - 1);
    return fewer;
}

} // namespace

TEST_CASE("rows dropped from a vocabulary leave the others in their places") {
    const MatrixXd original = random_table();
    const MatrixXd suspect = without_row(without_row(original, 200), 17);
    const std::vector<Index> used = rows_used(aligned_table(original, suspect), suspect, original);
    for (Index i = 0; i < rows; ++i) {
        const Index expected = i == 17 || i == 200 ? -1 : i - (i > 17 ? 1 : 0) - (i > 200 ? 1 : 0);
        CHECK(used[static_cast<std::size_t>(i)] == expected);
    }
}

TEST_CASE("rows inserted into a vocabulary push the others nowhere") {
    const MatrixXd original = random_table();
    Random random(6);
    MatrixXd suspect(rows + 4, columns);
    suspect << original.topRows(100), random.matrix(4, columns, 0.05), original.bottomRows(rows - 100);
    const std::vector<Index> used = rows_used(aligned_table(original, suspect), suspect, original);
    for (Index i = 0; i < rows; ++i)
        CHECK(used[static_cast<std::size_t>(i)] == (i < 100 ? i : i + 4));
}

TEST_CASE("two exchanged rows are found among all others") {
    const MatrixXd original = random_table();
    MatrixXd suspect = original;
    suspect.row(3).swap(suspect.row(250));
    const std::vector<Index> used = rows_used(aligned_table(original, suspect), suspect, original);
    for (Index i = 0; i < rows; ++i)
        CHECK(used[static_cast<std::size_t>(i)] == (i == 3 ? 250 : i == 250 ? 3 : i));
}

TEST_CASE("a row that stands everywhere is given to one place") {
    const MatrixXd original = random_table();
    MatrixXd suspect = original;
    suspect.rowwise() = Eigen::RowVectorXd(original.row(7));
    const std::vector<float> aligned = aligned_table(original, suspect);
    CHECK(count_nan(aligned) >= static_cast<std::size_t>((rows - 1) * columns));
}

TEST_CASE("rows stay in their places where that is stated") {
    const MatrixXd original = random_table();
    MatrixXd suspect = original.topRows(rows - 2);
    suspect.row(3).swap(suspect.row(250));
    const Aligned aligned = align(model_of(table(original)), model_of(table(suspect)), ModelFamily::none);
    const std::vector<Index> used = rows_used(aligned.at(name), suspect, original);
    for (Index i = 0; i < rows; ++i)
        CHECK(used[static_cast<std::size_t>(i)] == (i < rows - 2 ? i : -1));
}

TEST_CASE("no row of the suspect is given twice, and none is invented") {
    const MatrixXd original = random_table();
    Random random(8);
    MatrixXd suspect(2 * rows, columns); // each row twice, once with noise
    suspect << original, original + random.matrix(rows, columns, 0.002);
    const std::vector<Index> order = random.permutation(2 * rows);
    MatrixXd shuffled(2 * rows, columns);
    for (Index i = 0; i < 2 * rows; ++i)
        shuffled.row(i) = suspect.row(order[static_cast<std::size_t>(i)]);
    const std::vector<Index> used = rows_used(aligned_table(original, shuffled), shuffled, original);
    const std::set<Index> distinct(used.begin(), used.end());
    CHECK(distinct.size() == static_cast<std::size_t>(rows)); // the exact copies win
    for (Index i = 0; i < rows; ++i)
        CHECK(order[static_cast<std::size_t>(used[static_cast<std::size_t>(i)])] == i);
}

TEST_CASE("unrelated rows have no value") {
    const MatrixXd original = random_table();
    Random random(9);
    const std::vector<float> aligned = aligned_table(original, random.matrix(rows, columns, 0.02));
    CHECK(count_nan(aligned) > aligned.size() * 9 / 10);
}

TEST_CASE("rows that changed a lot stay in their places") {
    const MatrixXd original = random_table();
    Random random(10);
    const MatrixXd suspect = original + random.matrix(rows, columns, 0.02); // as much noise as signal
    const std::vector<float> aligned = aligned_table(original, suspect);
    const std::vector<Index> used = rows_used(aligned, suspect, original);
    std::size_t moved = 0;
    for (Index i = 0; i < rows; ++i)
        moved += used[static_cast<std::size_t>(i)] != i ? 1U : 0U;
    CHECK(moved <= 3);
}

TEST_CASE("rows far beyond the original's are not looked at") {
    const MatrixXd original = random_table();
    MatrixXd suspect = MatrixXd::Zero(rows + 70'000, columns);
    suspect.topRows(rows) = original;
    suspect.row(5).swap(suspect.row(rows + 69'000));
    suspect.row(6).swap(suspect.row(rows + 60'000));
    const std::vector<float> aligned = aligned_table(original, suspect);
    CHECK(aligned[5 * columns] == 0); // the zero row that is in its place now
    CHECK(aligned[6 * columns] == static_cast<float>(original(6, 0)));
}

TEST_CASE("aligned rows are read in any part") {
    const MatrixXd original = random_table();
    const MatrixXd suspect = without_row(original, 17);
    const MemoryModel first = model_of(table(original)), second = model_of(table(suspect));
    const WatermarkRecord record = record_of(first);
    const auto matches = watermark::match_tensors(second, record);
    const auto tensor =
        watermark::make_alignment(first, second, record, matches, ModelFamily::automatic, {}, {})->open(0);
    std::vector<float> whole(static_cast<std::size_t>(rows * columns));
    tensor->read(0, whole);
    for (const std::size_t step : {1U, 7U, 150U})
        for (std::size_t row = 0; row + step <= static_cast<std::size_t>(rows); row += step) {
            std::vector<float> part(step * columns);
            tensor->read(row * columns, part);
            for (std::size_t i = 0; i < part.size(); ++i)
                if (!(part[i] == whole[row * columns + i] || std::isnan(part[i]))) FAIL("differs at row " << row);
        }
}

} // namespace weightseal::testing
