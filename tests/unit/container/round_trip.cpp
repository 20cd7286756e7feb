// Sealed, opened and read in every way there is: always the original bytes.

#include "support/catch.hpp"
#include "unit/container/fixture.hpp"

namespace weightseal::testing {
namespace {

void check_listing(const SealedModel& sealed, const MemoryModel& model) {
    std::size_t tensor = 0;
    std::size_t file = 0;
    for (const SourceEntry& entry : model.entries()) {
        INFO(entry.name);
        if (entry.kind == SourceEntry::Kind::tensor || entry.kind == SourceEntry::Kind::alias) {
            const TensorInfo info = sealed.tensor(tensor);
            REQUIRE(info.name == entry.name);
            REQUIRE(info.dtype == entry.dtype);
            REQUIRE(std::ranges::equal(info.shape, entry.shape));
            REQUIRE(info.bytes == entry.bytes);
            REQUIRE(sealed.find_tensor(entry.name) == tensor);
            REQUIRE(sealed.selection_bytes(whole(tensor)) == entry.bytes);
            ++tensor;
        } else {
            const FileInfo info = sealed.file(file);
            REQUIRE(info.name == entry.name);
            REQUIRE(info.bytes == entry.bytes);
            REQUIRE(info.is_safetensors_head == (entry.kind == SourceEntry::Kind::safetensors_head));
            REQUIRE(sealed.find_file(entry.name) == file);
            ++file;
        }
    }
    CHECK(sealed.tensor_count() == tensor);
    CHECK(sealed.file_count() == file);
    CHECK(sealed.is_folder() == model.is_folder());
}

void check_files(const SealedModel& sealed, const MemoryModel& model) {
    std::size_t file = 0;
    for (std::size_t i = 0; i < model.entries().size(); ++i)
        if (model.entries()[i].kind == SourceEntry::Kind::file)
            REQUIRE(equal(std::as_const(sealed).read_file(file++).bytes(), model.data(i)));
}

void check_read(const SealedModel& sealed, const std::vector<Data>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i)
        REQUIRE(equal(sealed.read(whole(i)).bytes(), tensors[i]));
}

void check_read_into(const SealedModel& sealed, const std::vector<Data>& tensors) {
    std::vector<Data> destinations;
    for (const Data& tensor : tensors)
        destinations.emplace_back(tensor.size(), std::byte{0xEE});
    std::vector<ReadItem> items;
    for (std::size_t i = tensors.size(); i > 0; --i)
        items.push_back({whole(i - 1), destinations[i - 1]});
    sealed.read_into(items);
    REQUIRE(destinations == tensors);
}

void check_load(const SealedModel& sealed, const std::vector<Data>& tensors) {
    const Arena arena = sealed.load();
    REQUIRE(arena.offsets.size() == tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        REQUIRE(arena.sizes[i] == tensors[i].size());
        REQUIRE(equal(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]), tensors[i]));
    }
}

void check_plan(const SealedModel& sealed, const std::vector<Data>& tensors, Bytes file) {
    std::vector<Selection> selections;
    std::vector<Data> destinations;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        selections.push_back(whole(i));
        destinations.emplace_back(tensors[i].size(), std::byte{0xEE});
    }
    const Plan plan = sealed.plan(selections, 200'000);
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
        const PlanItem& item = plan.items[i];
        sealed.decrypt(plan, i, file.subspan(item.file_offset, item.length), destinations[item.selection]);
    }
    REQUIRE(destinations == tensors);
}

void check(const MemoryModel& model, const SealOptions& options) {
    const Sealed sealed(model, options);
    const SealedModel open = sealed.open();
    const std::vector<Data> tensors = tensors_of(model);
    check_listing(open, model);
    check_files(open, model);
    check_read(open, tensors);
    check_read_into(open, tensors);
    check_load(open, tensors);
    check_plan(open, tensors, sealed.file);
    open.verify();
}

const SealOptions all_options[] = {
    {.suite = Suite::aes_256_gcm, .chunk_log2 = 16},       {.suite = Suite::aes_256_gcm, .chunk_log2 = 17},
    {.suite = Suite::aes_256_gcm, .chunk_log2 = 18},       {.suite = Suite::aes_256_gcm, .chunk_log2 = 22},
    {.suite = Suite::chacha20_poly1305, .chunk_log2 = 16}, {.suite = Suite::chacha20_poly1305, .chunk_log2 = 19},
    {.suite = Suite::chacha20_poly1305, .chunk_log2 = 22},
};

TensorData bytes_tensor(std::string name, std::uint64_t size) {
    return make_tensor(std::move(name), "U8", {size}, size);
}

} // namespace

TEST_CASE("round trip: a model of nothing") {
    for (const SealOptions& options : all_options)
        check(MemoryModel(), options);
}

TEST_CASE("round trip: one byte") {
    MemoryModel model;
    model.add_tensor(bytes_tensor("w", 1));
    for (const SealOptions& options : all_options)
        check(model, options);
}

TEST_CASE("round trip: empty tensors and files, scalars, an alias") {
    MemoryModel model(false);
    model.add_file("empty", {});
    const auto head = model.add_file("config.json", to_data("{}"));
    CHECK(head == 1);
    model.add_tensor(make_tensor("none", "F32", {0}));
    const auto scalar = model.add_tensor(make_tensor("scalar", "BF16", {}, 3));
    model.add_tensor(make_tensor("nothing", "I64", {4, 0, 2}));
    model.add_alias("tied", "U8", {2, 1}, scalar);
    for (const SealOptions& options : all_options)
        check(model, options);
}

TEST_CASE("round trip: tensors that end at a cell's border, a byte before, a byte after, and begin there") {
    for (const SealOptions& options : all_options) {
        const std::uint64_t cell = std::uint64_t{1} << options.chunk_log2;
        MemoryModel model;
        std::size_t number = 0;
        for (const std::uint64_t size : {cell, cell - 64, std::uint64_t{64}, cell - 1, cell + 1, cell - 4096,
                                         std::uint64_t{4095}, std::uint64_t{1}, std::uint64_t{65}})
            model.add_tensor(bytes_tensor("t" + std::to_string(number++), size));
        check(model, options);
    }
}

TEST_CASE("round trip: three thousand small tensors") {
    MemoryModel model;
    for (std::uint64_t i = 0; i < 3000; ++i)
        model.add_tensor(bytes_tensor("layer." + std::to_string(i), i % 131));
    for (const SealOptions& options : all_options)
        check(model, options);
}

TEST_CASE("round trip: a tensor of several MiB between files") {
    MemoryModel model;
    model.add_file("a/b.json", patterned(100'000, 1));
    model.add_tensor(bytes_tensor("small", 10));
    model.add_tensor(make_tensor("big", "BF16", {1237, 2111}, 2));
    model.add_file("z", patterned(70'000, 3));
    for (const SealOptions& options : all_options)
        check(model, options);
}

TEST_CASE("round trip: every dtype, sub-byte ones included") {
    MemoryModel model;
    for (std::uint8_t code = 1; dtype_from_code(code); ++code) {
        const std::string name(dtype_name(*dtype_from_code(code)));
        model.add_tensor(make_tensor(name, name, {12, 100}, code));
    }
    REQUIRE(model.entries().size() == 22);
    check(model, {.chunk_log2 = 16});
}

TEST_CASE("round trip: the number of threads and whose they are make no difference") {
    MemoryModel model;
    for (int i = 0; i < 20; ++i)
        model.add_tensor(bytes_tensor("t" + std::to_string(i), 300'000));
    const std::vector<Data> tensors = tensors_of(model);
    for (const Parallel& parallel :
         {Parallel{1, {}}, Parallel{3, {}}, Parallel{16, {}}, engine_pool(1), engine_pool(5)}) {
        const Sealed sealed(model, {.chunk_log2 = 17, .parallel = parallel});
        ReadOptions options;
        options.parallel = parallel;
        const SealedModel open = sealed.open();
        const Arena arena = open.load(options);
        for (std::size_t i = 0; i < tensors.size(); ++i)
            REQUIRE(equal(arena.buffer.bytes().subspan(arena.offsets[i], arena.sizes[i]), tensors[i]));
        open.verify(options);
    }
}

} // namespace weightseal::testing
