// Slices against a naive reference that goes element by element.

#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "unit/container/fixture.hpp"

#include <random>

namespace weightseal::testing {
namespace {

struct Stretch {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// The selected bits of a row-major tensor as stretches that do not touch.
std::vector<Stretch> stretches(const std::vector<std::uint64_t>& shape, const Slice& slice, unsigned bits) {
    std::vector<Stretch> found;
    std::vector<std::uint64_t> index(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        index[i] = i < slice.size() ? slice[i].begin : 0;
        if (index[i] >= (i < slice.size() ? slice[i].end : shape[i])) return {};
    }
    for (;;) {
        std::uint64_t element = 0;
        for (std::size_t i = 0; i < shape.size(); ++i)
            element = element * shape[i] + index[i];
        if (!found.empty() && found.back().end == element * bits)
            found.back().end += bits;
        else
            found.push_back({element * bits, (element + 1) * bits});
        std::size_t i = shape.size();
        for (; i > 0; --i) {
            const std::uint64_t end = i - 1 < slice.size() ? slice[i - 1].end : shape[i - 1];
            if (++index[i - 1] < end) break;
            index[i - 1] = i - 1 < slice.size() ? slice[i - 1].begin : 0;
        }
        if (i == 0) return found;
    }
}

// What reading must give; nothing when the slice is not on whole bytes.
std::optional<Data> reference(const TensorData& tensor, const Slice& slice) {
    Data result;
    for (const Stretch& stretch : stretches(tensor.shape, slice, dtype_bits(*dtype_from_name(tensor.dtype)))) {
        if (stretch.begin % 8 != 0 || stretch.end % 8 != 0) return std::nullopt;
        result.insert(result.end(), tensor.data.begin() + static_cast<std::ptrdiff_t>(stretch.begin / 8),
                      tensor.data.begin() + static_cast<std::ptrdiff_t>(stretch.end / 8));
    }
    return result;
}

void check_slice(const SealedModel& model, std::size_t position, const TensorData& tensor, const Slice& slice) {
    CAPTURE(tensor.name, slice.size());
    const Selection selection{position, slice};
    const std::optional<Data> expected = reference(tensor, slice);
    if (!expected) {
        REQUIRE(refusal([&] { (void)model.read(selection); }) == "misaligned_slice");
        REQUIRE(refusal([&] { (void)model.selection_bytes(selection); }) == "misaligned_slice");
        return;
    }
    REQUIRE(model.selection_bytes(selection) == expected->size());
    REQUIRE(equal(std::as_const(model).read(selection).bytes(), *expected));
}

Sealed seal_tensors(const std::vector<TensorData>& tensors) {
    MemoryModel model;
    model.add_tensor(make_tensor("before", "U8", {77}));
    for (const TensorData& tensor : tensors)
        model.add_tensor(tensor);
    return Sealed(model);
}

Slice random_slice(const std::vector<std::uint64_t>& shape, std::mt19937_64& engine) {
    Slice slice(engine() % shape.size() + 1);
    for (std::size_t i = 0; i < slice.size(); ++i) {
        const std::uint64_t a = engine() % (shape[i] + 1);
        const std::uint64_t b = engine() % (shape[i] + 1);
        const bool is_whole = engine() % 4 == 0;
        slice[i] = is_whole ? Range{0, shape[i]} : Range{std::min(a, b), std::max(a, b)};
    }
    return slice;
}

} // namespace

TEST_CASE("every slice of small tensors of three dimensions") {
    const std::vector<TensorData> tensors{make_tensor("f32", "F32", {3, 2, 4}, 1),
                                          make_tensor("u8", "U8", {2, 3, 3}, 2), make_tensor("f4", "F4", {2, 2, 4}, 3),
                                          make_tensor("f6", "F6_E2M3", {2, 2, 4}, 4),
                                          make_tensor("odd", "F4", {2, 2, 3}, 5)};
    const Sealed sealed = seal_tensors(tensors);
    const SealedModel model = sealed.open();
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const auto& shape = tensors[t].shape;
        check_slice(model, t + 1, tensors[t], {});
        for (std::uint64_t a = 0; a <= shape[0]; ++a)
            for (std::uint64_t b = a; b <= shape[0]; ++b) {
                check_slice(model, t + 1, tensors[t], {{a, b}});
                for (std::uint64_t c = 0; c <= shape[1]; ++c)
                    for (std::uint64_t d = c; d <= shape[1]; ++d) {
                        check_slice(model, t + 1, tensors[t], {{a, b}, {c, d}});
                        for (std::uint64_t e = 0; e <= shape[2]; ++e)
                            for (std::uint64_t f = e; f <= shape[2]; ++f)
                                check_slice(model, t + 1, tensors[t], {{a, b}, {c, d}, {e, f}});
                    }
            }
    }
}

TEST_CASE("random slices of tensors of many chunks") {
    const std::vector<TensorData> tensors{
        make_tensor("f32", "F32", {7, 130, 97}, 1), make_tensor("bf16", "BF16", {300, 511}, 2),
        make_tensor("f4", "F4", {33, 70, 128}, 3),  make_tensor("f6", "F6_E3M2", {20, 40, 256}, 4),
        make_tensor("line", "F64", {40'000}, 5),    make_tensor("deep", "I8", {5, 4, 6, 3, 7, 80}, 6)};
    const Sealed sealed = seal_tensors(tensors);
    const SealedModel model = sealed.open();
    std::mt19937_64 engine(42);
    for (std::size_t t = 0; t < tensors.size(); ++t)
        for (int i = 0; i < 60; ++i)
            check_slice(model, t + 1, tensors[t], random_slice(tensors[t].shape, engine));
}

TEST_CASE("columns of a matrix, as tensor parallelism takes them") {
    const TensorData tensor = make_tensor("w", "BF16", {600, 512}, 1);
    const Sealed sealed = seal_tensors({tensor});
    const SealedModel model = sealed.open();
    for (std::uint64_t rank = 0; rank < 4; ++rank)
        check_slice(model, 1, tensor, {{0, 600}, {rank * 128, (rank + 1) * 128}});
    check_slice(model, 1, tensor, {{599, 600}, {511, 512}});
}

TEST_CASE("slices in one call, on several threads, staged, and by a plan") {
    const TensorData tensor = make_tensor("w", "F32", {90, 10, 300}, 1);
    const Sealed sealed = seal_tensors({tensor});
    const SealedModel model = sealed.open();
    std::mt19937_64 engine(7);
    std::vector<Selection> selections;
    std::vector<Data> expected;
    for (int i = 0; i < 12; ++i) {
        selections.push_back({1, random_slice(tensor.shape, engine)});
        expected.push_back(*reference(tensor, selections.back().slice));
    }
    for (const bool staged : {false, true}) {
        ReadOptions options;
        options.staged = staged;
        options.parallel.threads = 4;
        const Arena arena = model.load(selections, options);
        std::vector<Data> destinations;
        const Plan plan = model.plan(selections, 100'000);
        for (const Data& data : expected)
            destinations.emplace_back(data.size(), std::byte{0xEE});
        for (std::size_t i = 0; i < plan.items.size(); ++i) {
            const PlanItem& item = plan.items[i];
            model.decrypt(plan, i, Bytes(sealed.file).subspan(item.file_offset, item.length),
                          destinations[item.selection], staged);
        }
        CHECK(destinations == expected);
        for (std::size_t i = 0; i < expected.size(); ++i)
            CHECK(equal(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]), expected[i]));
    }
}

TEST_CASE("a slice that leaves the tensor is refused") {
    const Sealed sealed = seal_tensors({make_tensor("w", "F32", {4, 5}), make_tensor("scalar", "F32", {})});
    const SealedModel model = sealed.open();
    const auto refused = [&](std::size_t tensor, const Slice& slice) {
        return refusal([&] { (void)model.read({tensor, slice}); });
    };
    constexpr std::uint64_t most = ~std::uint64_t{0};
    CHECK(refused(1, {{0, 5}}) == "slice_out_of_range");
    CHECK(refused(1, {{3, 2}}) == "slice_out_of_range");
    CHECK(refused(1, {{0, 4}, {0, 6}}) == "slice_out_of_range");
    CHECK(refused(1, {{0, 4}, {5, 6}}) == "slice_out_of_range");
    CHECK(refused(1, {{0, 4}, {0, 5}, {0, 1}}) == "slice_out_of_range");
    CHECK(refused(1, {{most, most}}) == "slice_out_of_range");
    CHECK(refused(1, {{0, most}}) == "slice_out_of_range");
    CHECK(refused(1, {{0, 0}, {0, 6}}) == "slice_out_of_range"); // empty, and wrong all the same
    CHECK(refused(2, {{0, 1}}) == "slice_out_of_range");
    CHECK(refused(9, {}) == "invalid_argument");
}

TEST_CASE("a slice of an alias uses the alias's own shape") {
    MemoryModel source;
    const TensorData tensor = make_tensor("w", "F32", {100, 300}, 1);
    const auto target = source.add_tensor(tensor);
    source.add_alias("transposed", "BF16", {300, 200}, target);
    const Sealed sealed(source);
    const SealedModel model = sealed.open();
    CHECK(model.alias_of(1) == 0);
    const TensorData alias{"transposed", "BF16", {300, 200}, tensor.data};
    check_slice(model, 1, alias, {{17, 170}, {3, 150}});
    check_slice(model, 1, alias, {{299, 300}});
}

} // namespace weightseal::testing
