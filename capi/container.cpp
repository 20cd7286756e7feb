// Sealed containers.

#include "common.hpp"

#include "weightseal/container/sealed_model.hpp"
#include "weightseal/container/sealer.hpp"
#include "weightseal/container/unseal.hpp"
#include "weightseal/core/suite.hpp"
#include "weightseal/io/remote_source.hpp"

#include <algorithm>
#include <mutex>
#include <string>

SAME(WSEAL_CHACHA20_POLY1305, weightseal::Suite::chacha20_poly1305);
#undef SAME

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

struct wseal_plan {
    weightseal::Plan plan;
};

using namespace weightseal;
using namespace weightseal::capi;

namespace {

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

wseal_status wseal_inspect(const char* location, wseal_facts* facts, wseal_error* error) {
    return guarded(error, [&] {
        require(location, facts);
        check_size(*facts); // before the file is touched
        write_out(facts, to_facts(inspect(*open_source(location))));
    });
}

wseal_status wseal_open(const char* location, const wseal_key* key, const wseal_hooks* hooks, wseal_model** own_model,
                        wseal_error* error) {
    return open_with(error, key, hooks, own_model, [&] {
        require(location);
        return open_source(location);
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
