#include "weightseal/container/sealed_model.hpp"

#include "container/state.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal {

std::shared_ptr<const container::KeySchedule> SealedModel::State::keys() const {
    const std::lock_guard lock(mutex_);
    if (!keys_) throw Error(Errc::keys_dropped, part.subject, "the keys of this handle were dropped");
    return keys_;
}

void SealedModel::State::set_keys(std::shared_ptr<const container::KeySchedule> keys) noexcept {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
}

const container::Entry& SealedModel::State::tensor_entry(std::size_t position) const {
    if (position >= index.tensors().size())
        throw Error(Errc::invalid_argument, part.subject, fmt::format("has no tensor number {}", position));
    return index.entries()[index.tensors()[position]];
}

const container::Entry& SealedModel::State::file_entry(std::size_t position) const {
    if (position >= index.files().size())
        throw Error(Errc::invalid_argument, part.subject, fmt::format("has no file entry number {}", position));
    return index.entries()[index.files()[position]];
}

const container::Entry& SealedModel::State::stored(const container::Entry& entry) const {
    return entry.kind == container::EntryKind::alias ? index.entries()[entry.link - 1] : entry;
}

container::View SealedModel::State::view(const Selection& selection) const {
    const container::Entry& entry = tensor_entry(selection.tensor);
    if (entry.kind != container::EntryKind::alias) return {entry, part.prelude.chunk_log2, selection.slice};
    // The alias has a shape of its own over the bytes of its target, whose chunks and key they are.
    const container::View shaped(entry, part.prelude.chunk_log2, selection.slice);
    return shaped.over(stored(entry));
}

SealedModel::SealedModel(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
SealedModel::SealedModel(SealedModel&&) noexcept = default;
SealedModel& SealedModel::operator=(SealedModel&&) noexcept = default;
SealedModel::~SealedModel() = default;

SealedModel SealedModel::open(const std::filesystem::path& path, const Key& key, const Hooks& hooks) {
    return open(file_source(path), key, hooks);
}

SealedModel SealedModel::open(std::shared_ptr<const ByteSource> file, const Key& key, const Hooks& hooks) {
    auto state = std::make_unique<State>();
    state->file = std::move(file);
    state->part = container::read_public_part(*state->file);
    container::Unlocked unlocked = container::unlock(state->part, key);
    state->facts = container::facts_of(state->part);
    state->damaged_block = unlocked.damaged_block;
    state->index = container::read_index(*state->file, state->part, unlocked.keys);
    state->set_keys(std::make_shared<const container::KeySchedule>(std::move(unlocked.keys)));
    if (state->damaged_block && hooks.log)
        hooks.log(fmt::format("{}: slot block {} is damaged or stale; the other one opened the file",
                              state->part.subject, *state->damaged_block));
    return SealedModel(std::move(state));
}

const Facts& SealedModel::facts() const noexcept {
    return state_->facts;
}
std::optional<char> SealedModel::damaged_slot_block() const noexcept {
    return state_->damaged_block;
}
bool SealedModel::is_folder() const noexcept {
    return state_->index.is_folder();
}
std::size_t SealedModel::tensor_count() const noexcept {
    return state_->index.tensors().size();
}
std::size_t SealedModel::file_count() const noexcept {
    return state_->index.files().size();
}

TensorInfo SealedModel::tensor(std::size_t position) const {
    const container::Entry& entry = state_->tensor_entry(position);
    return {entry.name, entry.dtype, entry.shape, entry.length};
}

std::size_t SealedModel::find_tensor(std::string_view name) const {
    if (const auto position = state_->index.find_tensor(name)) return *position;
    throw Error(Errc::no_such_tensor, state_->part.subject, fmt::format("has no tensor '{}'", name));
}

std::optional<std::size_t> SealedModel::alias_of(std::size_t position) const {
    const container::Entry& entry = state_->tensor_entry(position);
    if (entry.kind != container::EntryKind::alias) return std::nullopt;
    return state_->index.find_tensor(state_->stored(entry).name);
}

FileInfo SealedModel::file(std::size_t position) const {
    const container::Entry& entry = state_->file_entry(position);
    return {entry.name, entry.length, entry.role == container::FileRole::safetensors_head};
}

std::size_t SealedModel::find_file(std::string_view name) const {
    if (const auto position = state_->index.find_file(name)) return *position;
    throw Error(Errc::no_such_file_entry, state_->part.subject, fmt::format("has no file entry '{}'", name));
}

std::uint64_t SealedModel::selection_bytes(const Selection& selection) const {
    return state_->view(selection).bytes();
}

void SealedModel::drop_keys() noexcept {
    state_->set_keys(nullptr);
}

} // namespace weightseal
