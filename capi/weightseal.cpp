// The C ABI over the C++ API: converts, checks for NULL, catches everything.

#include "weightseal.h"

#include "weightseal/weightseal.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <string>
#include <type_traits>

// The numbers of the C header and of the C++ API are the same.
#define SAME(c, cpp) static_assert(static_cast<int>(c) == static_cast<int>(cpp))
SAME(WSEAL_INVALID_ARGUMENT, weightseal::Errc::invalid_argument);
SAME(WSEAL_CALLBACK_FAILED, weightseal::Errc::callback_failed);
SAME(WSEAL_UNSUPPORTED_FILE, weightseal::Errc::unsupported_file);
SAME(WSEAL_WRONG_KEY, weightseal::Errc::wrong_key);
SAME(WSEAL_KEYS_DROPPED, weightseal::Errc::keys_dropped);
SAME(WSEAL_NOT_SEALED, weightseal::Errc::not_sealed);
SAME(WSEAL_TOO_LARGE, weightseal::Errc::too_large);
SAME(WSEAL_HEADER_TRUNCATED, weightseal::Errc::header_truncated);
SAME(WSEAL_MISALIGNED_TENSOR, weightseal::Errc::misaligned_tensor);
SAME(WSEAL_SHARD_INDEX_NOT_JSON, weightseal::Errc::shard_index_not_json);
SAME(WSEAL_NO_MODEL, weightseal::Errc::no_model);
SAME(WSEAL_BAD_STRENGTH, weightseal::Errc::bad_strength);
SAME(WSEAL_KEY_MISMATCH, weightseal::Errc::key_mismatch);
SAME(WSEAL_TIMESTAMP_UNTRUSTED, weightseal::Errc::timestamp_untrusted);
SAME(WSEAL_LIMITS_NOT_JSON, weightseal::Errc::limits_not_json);
SAME(WSEAL_BAD_ADDRESS, weightseal::Errc::bad_address);
SAME(WSEAL_KEY_WATERMARK, weightseal::KeyKind::watermark);
SAME(WSEAL_CHACHA20_POLY1305, weightseal::Suite::chacha20_poly1305);
SAME(WSEAL_U64, weightseal::Dtype::u64);
#undef SAME

struct wseal_key {
    weightseal::Key key;
};

struct wseal_model {
    explicit wseal_model(weightseal::SealedModel opened) : model(std::move(opened)) {}
    weightseal::SealedModel model;
    // Names with terminators, which the index does not have; made on first use.
    mutable std::once_flag names_once;
    mutable std::string tensor_names;
    mutable std::vector<std::size_t> tensor_name_at;
    mutable std::string file_names;
    mutable std::vector<std::size_t> file_name_at;

    void make_names() const {
        std::call_once(names_once, [this] {
            for (auto* const names : {&tensor_names, &file_names})
                names->clear(); // a first try may have thrown
            for (auto* const at : {&tensor_name_at, &file_name_at})
                at->clear();
            const auto append = [](std::string& to, std::vector<std::size_t>& at, std::string_view name) {
                at.push_back(to.size());
                to.append(name).push_back('\0');
            };
            for (std::size_t i = 0; i < model.tensor_count(); ++i)
                append(tensor_names, tensor_name_at, model.tensor(i).name);
            for (std::size_t i = 0; i < model.file_count(); ++i)
                append(file_names, file_name_at, model.file(i).name);
        });
    }
};

struct wseal_buffer {
    weightseal::AlignedBuffer buffer;
};

struct wseal_plan {
    weightseal::Plan plan;
};

namespace {

using namespace weightseal;

wseal_status fail(wseal_error* error, Errc code, const char* message) noexcept {
    if (error != nullptr) std::snprintf(error->message, sizeof error->message, "%s", message);
    return static_cast<wseal_status>(code);
}

// The boundary: no exception leaves the library.
template <class Body>
wseal_status guarded(wseal_error* error, const Body& body) noexcept {
    try {
        body();
        return WSEAL_OK;
    } catch (const Error& e) {
        return fail(error, e.errc(), e.what());
    } catch (const std::bad_alloc&) {
        return fail(error, Errc::out_of_memory, "out of memory");
    } catch (const std::exception& e) {
        return fail(error, Errc::internal, e.what());
    } catch (...) {
        return fail(error, Errc::internal, "an exception of an unknown type");
    }
}

template <class... Pointers>
void require(const Pointers*... pointers) {
    const bool any_null = ((pointers == nullptr) || ...);
    if (any_null) throw Error(Errc::invalid_argument, "call", "a pointer that must not be NULL is NULL");
}

// Callers compiled against an older header have a shorter struct.
template <class Struct>
void check_size(const Struct& sized) {
    if (sized.struct_size < sizeof(std::size_t) || sized.struct_size > sizeof(Struct))
        throw Error(Errc::invalid_argument, "struct_size", "is not that of this library's struct or an older one");
}

// The members that the caller does not know keep their defaults.
template <class Options>
Options copy_options(const Options* options, const Options& defaults) {
    if (options == nullptr) return defaults;
    check_size(*options);
    Options copy = defaults;
    std::memcpy(static_cast<void*>(&copy), options, options->struct_size);
    return copy;
}

// Writes as much of an output struct as the caller has.
template <class Out>
void write_out(Out* out, Out value) {
    check_size(*out);
    value.struct_size = out->struct_size;
    std::memcpy(static_cast<void*>(out), &value, out->struct_size);
}

wseal_hooks hooks_of(const wseal_hooks* hooks) {
    static constexpr wseal_hooks none = WSEAL_HOOKS_INIT;
    const wseal_hooks copy = copy_options(hooks, none);
    if ((copy.alloc == nullptr) != (copy.free == nullptr))
        throw Error(Errc::invalid_argument, "hooks", "alloc and free are given both or neither");
    return copy;
}

Hooks to_hooks(const wseal_hooks& c) {
    Hooks hooks;
    if (c.progress != nullptr)
        hooks.progress = [c](std::uint64_t done, std::uint64_t total) { c.progress(c.context, done, total); };
    if (c.cancelled != nullptr) hooks.cancelled = [c] { return c.cancelled(c.context) != 0; };
    if (c.log != nullptr) hooks.log = [c](std::string_view message) { c.log(c.context, std::string(message).c_str()); };
    return hooks;
}

Parallel to_parallel(const wseal_hooks& c, std::uint32_t threads) {
    Parallel parallel;
    parallel.threads = threads;
    if (c.parallel_for != nullptr)
        parallel.run = [c](std::size_t count, const std::function<void(std::size_t)>& body) {
            const auto call = [](void* context, std::size_t i) {
                (*static_cast<const std::function<void(std::size_t)>*>(context))(i);
            };
            c.parallel_for(c.context, count, call, const_cast<std::function<void(std::size_t)>*>(&body));
        };
    return parallel;
}

ReadOptions to_read_options(const wseal_read_options* options) {
    static constexpr wseal_read_options defaults = WSEAL_READ_OPTIONS_INIT;
    const wseal_read_options c = copy_options(options, defaults);
    const wseal_hooks hooks = hooks_of(c.hooks);
    ReadOptions result;
    result.parallel = to_parallel(hooks, c.threads);
    result.hooks = to_hooks(hooks);
    result.staged = c.staged != 0;
    if (c.alignment != 0) result.buffer.alignment = c.alignment;
    result.buffer.huge_pages = c.no_huge_pages == 0;
    result.buffer.wipe = c.wipe_on_free != 0;
    if (hooks.alloc != nullptr) {
        result.buffer.allocator.allocate = [hooks](std::size_t size, std::size_t alignment) {
            return hooks.alloc(hooks.context, size, alignment);
        };
        result.buffer.allocator.release = [hooks](void* data, std::size_t size) {
            hooks.free(hooks.context, data, size);
        };
    }
    if (hooks.on_tensor != nullptr)
        result.on_tensor = [hooks](std::size_t selection, Bytes data) {
            hooks.on_tensor(hooks.context, selection, data.data(), data.size());
        };
    return result;
}

Selection to_selection(const wseal_selection& c) {
    if (c.ranges_count > max_rank)
        throw Error(Errc::slice_out_of_range, "selection", "names more dimensions than a tensor can have");
    if (c.ranges_count != 0) require(c.ranges);
    Selection selection;
    selection.tensor = c.tensor;
    for (std::size_t i = 0; i < c.ranges_count; ++i)
        selection.slice.push_back({c.ranges[i].begin, c.ranges[i].end});
    return selection;
}

std::vector<Selection> to_selections(const wseal_selection* c, std::size_t count) {
    if (count != 0) require(c);
    std::vector<Selection> selections;
    selections.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        selections.push_back(to_selection(c[i]));
    return selections;
}

wseal_facts to_facts(const Facts& facts) {
    wseal_facts c = WSEAL_FACTS_INIT;
    c.suite = static_cast<std::uint32_t>(facts.suite);
    c.is_signed = facts.is_signed ? 1 : 0;
    c.chunk_size = facts.chunk_size;
    c.file_size = facts.file_size;
    c.body_size = facts.body_size;
    c.index_size = facts.index_size;
    const SlotBlockFacts& newest =
        facts.slot_blocks[facts.slot_blocks[1].generation > facts.slot_blocks[0].generation ? 1 : 0];
    c.slot_count = static_cast<std::uint32_t>(newest.slot_kinds.size());
    c.generation = newest.generation;
    c.slot_block_a_intact = facts.slot_blocks[0].intact ? 1 : 0;
    c.slot_block_b_intact = facts.slot_blocks[1].intact ? 1 : 0;
    return c;
}

bool is_key_kind(uint32_t kind) {
    return kind >= WSEAL_KEY_SEAL && kind <= WSEAL_KEY_WATERMARK;
}

wseal_status open_with(wseal_error* error, const wseal_key* key, const wseal_hooks* hooks, wseal_model** own_model,
                       const std::function<std::shared_ptr<const ByteSource>()>& make_source) noexcept {
    return guarded(error, [&] {
        require(key, own_model);
        const Hooks opening = to_hooks(hooks_of(hooks)); // before the file is touched
        *own_model = new wseal_model(SealedModel::open(make_source(), key->key, opening));
    });
}

} // namespace

extern "C" {

uint32_t wseal_abi_version(void) {
    return WSEAL_ABI_VERSION;
}
const char* wseal_version(void) {
    return version_string();
}

const char* wseal_status_name(uint32_t status) {
    return status == WSEAL_OK ? "ok" : errc_name(static_cast<Errc>(status));
}

wseal_status wseal_key_generate(uint32_t kind, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(own_key);
        if (kind != WSEAL_KEY_SEAL) throw Error(Errc::unsupported, "key", "only seal keys can be generated");
        *own_key = new wseal_key{Key::generate(KeyKind::seal)};
    });
}

wseal_status wseal_key_parse(const char* text, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(text, own_key);
        *own_key = new wseal_key{Key::parse(text)};
    });
}

wseal_status wseal_key_from_bytes(uint32_t kind, const uint8_t bytes[WSEAL_KEY_BYTES], wseal_key** own_key,
                                  wseal_error* error) {
    return guarded(error, [&] {
        require(bytes, own_key);
        if (!is_key_kind(kind)) throw Error(Errc::invalid_argument, "key", "has a kind that does not exist");
        const std::span<const std::byte, secret_size> raw(reinterpret_cast<const std::byte*>(bytes), secret_size);
        *own_key = new wseal_key{{static_cast<KeyKind>(kind), Secret::copy_of(raw)}};
    });
}

wseal_status wseal_key_from_source(const char* source, wseal_key** own_key, wseal_error* error) {
    return guarded(error, [&] {
        require(source, own_key);
        *own_key = new wseal_key{key_from_source(source)};
    });
}

wseal_status wseal_key_format(const wseal_key* key, char* text, size_t text_size, wseal_error* error) {
    return guarded(error, [&] {
        require(key, text);
        const std::size_t size = key_text_size(key->key.kind);
        if (text_size <= size) throw Error(Errc::destination_size, "key", "the room for its text is too small");
        format_key(key->key, {text, size});
        text[size] = '\0';
    });
}

void wseal_key_free(wseal_key* own_key) {
    delete own_key;
}

wseal_status wseal_seal(const char* model, const char* output, const wseal_key* key, const wseal_seal_options* options,
                        wseal_error* error) {
    return guarded(error, [&] {
        require(model, output, key);
        static constexpr wseal_seal_options defaults = WSEAL_SEAL_OPTIONS_INIT;
        const wseal_seal_options c = copy_options(options, defaults);
        const wseal_hooks hooks = hooks_of(c.hooks);
        SealOptions seal_options;
        // A number beyond the C++ type must not be cut down to one that exists.
        if (c.suite != 0) seal_options.suite = c.suite <= 0xFF ? static_cast<Suite>(c.suite) : Suite{};
        if (c.chunk_log2 != 0) seal_options.chunk_log2 = c.chunk_log2;
        seal_options.overwrite = c.overwrite != 0;
        seal_options.parallel = to_parallel(hooks, c.threads);
        seal_options.hooks = to_hooks(hooks);
        seal(std::filesystem::path(model), output, key->key, seal_options);
    });
}

wseal_status wseal_inspect(const char* path, wseal_facts* facts, wseal_error* error) {
    return guarded(error, [&] {
        require(path, facts);
        check_size(*facts); // before the file is touched
        write_out(facts, to_facts(inspect(std::filesystem::path(path))));
    });
}

wseal_status wseal_open(const char* path, const wseal_key* key, const wseal_hooks* hooks, wseal_model** own_model,
                        wseal_error* error) {
    return open_with(error, key, hooks, own_model, [&] {
        require(path);
        return file_source(path);
    });
}

wseal_status wseal_open_memory(const void* data, size_t size, const wseal_key* key, const wseal_hooks* hooks,
                               wseal_model** own_model, wseal_error* error) {
    return open_with(error, key, hooks, own_model, [&] {
        require(data);
        return memory_source({static_cast<const std::byte*>(data), size});
    });
}

wseal_status wseal_open_callback(uint64_t size, wseal_read_at read_at, void* context, const wseal_key* key,
                                 const wseal_hooks* hooks, wseal_model** own_model, wseal_error* error) {
    return open_with(error, key, hooks, own_model, [&] {
        if (read_at == nullptr) throw Error(Errc::invalid_argument, "call", "read_at is NULL");
        return callback_source(size, [read_at, context](std::uint64_t offset, MutableBytes to) {
            return read_at(context, offset, to.data(), to.size()) == 0;
        });
    });
}

void wseal_model_free(wseal_model* own_model) {
    delete own_model;
}

wseal_status wseal_model_drop_keys(wseal_model* model, wseal_error* error) {
    return guarded(error, [&] {
        require(model);
        model->model.drop_keys();
    });
}

wseal_status wseal_model_facts(const wseal_model* model, wseal_facts* facts, wseal_error* error) {
    return guarded(error, [&] {
        require(model, facts);
        write_out(facts, to_facts(model->model.facts()));
    });
}

wseal_status wseal_model_damaged_slot_block(const wseal_model* model, char* block, wseal_error* error) {
    return guarded(error, [&] {
        require(model, block);
        *block = model->model.damaged_slot_block().value_or('\0');
    });
}

wseal_status wseal_model_is_folder(const wseal_model* model, int* is_folder, wseal_error* error) {
    return guarded(error, [&] {
        require(model, is_folder);
        *is_folder = model->model.is_folder() ? 1 : 0;
    });
}

const char* wseal_dtype_name(uint32_t dtype) {
    const auto known = dtype >= WSEAL_BOOL && dtype <= WSEAL_U64;
    return known ? dtype_name(static_cast<Dtype>(dtype)).data() : nullptr; // names are literals
}

uint32_t wseal_dtype_bits(uint32_t dtype) {
    const auto known = dtype >= WSEAL_BOOL && dtype <= WSEAL_U64;
    return known ? dtype_bits(static_cast<Dtype>(dtype)) : 0;
}

wseal_status wseal_tensor_count(const wseal_model* model, size_t* count, wseal_error* error) {
    return guarded(error, [&] {
        require(model, count);
        *count = model->model.tensor_count();
    });
}

wseal_status wseal_tensor_at(const wseal_model* model, size_t tensor, wseal_tensor_info* info, wseal_error* error) {
    return guarded(error, [&] {
        require(model, info);
        const TensorInfo what = model->model.tensor(tensor);
        model->make_names();
        wseal_tensor_info c = WSEAL_TENSOR_INFO_INIT;
        c.name = model->tensor_names.data() + model->tensor_name_at[tensor];
        c.name_size = what.name.size();
        c.dtype = static_cast<std::uint32_t>(what.dtype);
        c.rank = static_cast<std::uint32_t>(what.shape.size());
        c.shape = what.shape.data();
        c.bytes = what.bytes;
        c.alias_of = model->model.alias_of(tensor).value_or(tensor);
        write_out(info, c);
    });
}

wseal_status wseal_tensor_find(const wseal_model* model, const char* name, size_t* tensor, wseal_error* error) {
    return guarded(error, [&] {
        require(model, name, tensor);
        *tensor = model->model.find_tensor(name);
    });
}

wseal_status wseal_tensor_names(const wseal_model* model, const char** names, size_t* size, wseal_error* error) {
    return guarded(error, [&] {
        require(model, names, size);
        model->make_names();
        *names = model->tensor_names.data();
        *size = model->tensor_names.size();
    });
}

wseal_status wseal_file_count(const wseal_model* model, size_t* count, wseal_error* error) {
    return guarded(error, [&] {
        require(model, count);
        *count = model->model.file_count();
    });
}

wseal_status wseal_file_at(const wseal_model* model, size_t file, wseal_file_info* info, wseal_error* error) {
    return guarded(error, [&] {
        require(model, info);
        const FileInfo what = model->model.file(file);
        model->make_names();
        wseal_file_info c = WSEAL_FILE_INFO_INIT;
        c.name = model->file_names.data() + model->file_name_at[file];
        c.name_size = what.name.size();
        c.bytes = what.bytes;
        c.is_safetensors_head = what.is_safetensors_head ? 1 : 0;
        write_out(info, c);
    });
}

wseal_status wseal_file_find(const wseal_model* model, const char* name, size_t* file, wseal_error* error) {
    return guarded(error, [&] {
        require(model, name, file);
        *file = model->model.find_file(name);
    });
}

void* wseal_buffer_data(wseal_buffer* buffer) {
    return buffer == nullptr ? nullptr : buffer->buffer.data();
}
size_t wseal_buffer_size(const wseal_buffer* buffer) {
    return buffer == nullptr ? 0 : buffer->buffer.size();
}
void wseal_buffer_free(wseal_buffer* own_buffer) {
    delete own_buffer;
}

wseal_status wseal_selection_bytes(const wseal_model* model, const wseal_selection* selection, uint64_t* bytes,
                                   wseal_error* error) {
    return guarded(error, [&] {
        require(model, selection, bytes);
        *bytes = model->model.selection_bytes(to_selection(*selection));
    });
}

wseal_status wseal_read(const wseal_model* model, const wseal_selection* selection, const wseal_read_options* options,
                        wseal_buffer** own_buffer, wseal_error* error) {
    return guarded(error, [&] {
        require(model, selection, own_buffer);
        *own_buffer = new wseal_buffer{model->model.read(to_selection(*selection), to_read_options(options))};
    });
}

wseal_status wseal_read_into(const wseal_model* model, const wseal_selection* selections, size_t count,
                             void* const* destinations, const size_t* sizes, const wseal_read_options* options,
                             wseal_error* error) {
    return guarded(error, [&] {
        require(model);
        if (count != 0) require(selections, destinations, sizes);
        for (std::size_t i = 0; i < count; ++i)
            if (sizes[i] != 0) require(destinations[i]);
        try {
            std::vector<ReadItem> items;
            items.reserve(count);
            for (std::size_t i = 0; i < count; ++i)
                items.push_back({to_selection(selections[i]), {static_cast<std::byte*>(destinations[i]), sizes[i]}});
            model->model.read_into(items, to_read_options(options));
        } catch (...) {
            for (std::size_t i = 0; i < count; ++i)
                if (sizes[i] != 0) std::memset(destinations[i], 0, sizes[i]);
            throw;
        }
    });
}

wseal_status wseal_load(const wseal_model* model, const wseal_selection* selections, size_t count,
                        const wseal_read_options* options, wseal_buffer** own_buffer, uint64_t* offsets,
                        wseal_error* error) {
    return guarded(error, [&] {
        require(model, own_buffer);
        if (count != 0) require(offsets);
        const bool all = selections == nullptr;
        if (all && count != model->model.tensor_count())
            throw Error(Errc::invalid_argument, "call", "without selections, count must be the number of tensors");
        Arena arena = all ? model->model.load(to_read_options(options))
                          : model->model.load(to_selections(selections, count), to_read_options(options));
        auto* const buffer = new wseal_buffer{std::move(arena.buffer)};
        std::copy(arena.offsets.begin(), arena.offsets.end(), offsets);
        *own_buffer = buffer;
    });
}

wseal_status wseal_read_file(const wseal_model* model, size_t file, const wseal_read_options* options,
                             wseal_buffer** own_buffer, wseal_error* error) {
    return guarded(error, [&] {
        require(model, own_buffer);
        *own_buffer = new wseal_buffer{model->model.read_file(file, to_read_options(options))};
    });
}

wseal_status wseal_plan_new(const wseal_model* model, const wseal_selection* selections, size_t count,
                            uint64_t max_item, wseal_plan** own_plan, wseal_error* error) {
    return guarded(error, [&] {
        require(model, own_plan);
        constexpr std::uint64_t default_item = 4 << 20;
        *own_plan = new wseal_plan{
            model->model.plan(to_selections(selections, count), max_item == 0 ? default_item : max_item)};
    });
}

size_t wseal_plan_count(const wseal_plan* plan) {
    return plan == nullptr ? 0 : plan->plan.items.size();
}

wseal_status wseal_plan_at(const wseal_plan* plan, size_t item, wseal_plan_item* out, wseal_error* error) {
    return guarded(error, [&] {
        require(plan, out);
        if (item >= plan->plan.items.size()) throw Error(Errc::invalid_argument, "plan", "has no item of this number");
        const PlanItem& what = plan->plan.items[item];
        write_out(out, {0, what.file_offset, what.length, what.selection, what.first_chunk, what.chunks});
    });
}

void wseal_plan_free(wseal_plan* own_plan) {
    delete own_plan;
}

wseal_status wseal_plan_decrypt(const wseal_model* model, const wseal_plan* plan, size_t item, const void* fetched,
                                size_t fetched_size, void* destination, size_t destination_size,
                                const wseal_read_options* options, wseal_error* error) {
    return guarded(error, [&] {
        require(model, plan, fetched, destination);
        model->model.decrypt(plan->plan, item, {static_cast<const std::byte*>(fetched), fetched_size},
                             {static_cast<std::byte*>(destination), destination_size}, to_read_options(options).staged);
    });
}

wseal_status wseal_verify(const wseal_model* model, const wseal_read_options* options, wseal_error* error) {
    return guarded(error, [&] {
        require(model);
        model->model.verify(to_read_options(options));
    });
}

wseal_status wseal_unseal(const wseal_model* model, const char* output, const wseal_unseal_options* options,
                          wseal_error* error) {
    return guarded(error, [&] {
        require(model, output);
        static constexpr wseal_unseal_options defaults = WSEAL_UNSEAL_OPTIONS_INIT;
        const wseal_unseal_options c = copy_options(options, defaults);
        const wseal_hooks hooks = hooks_of(c.hooks);
        UnsealOptions unseal_options;
        unseal_options.overwrite = c.overwrite != 0;
        unseal_options.parallel = to_parallel(hooks, c.threads);
        unseal_options.hooks = to_hooks(hooks);
        unseal(model->model, output, unseal_options);
    });
}

} // extern "C"
