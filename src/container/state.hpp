#pragma once
// State: what an open container holds.

#include "container/opening.hpp"
#include "container/reader.hpp"
#include "weightseal/container/sealed_model.hpp"

#include <memory>
#include <mutex>

namespace weightseal {

struct SealedModel::State {
    std::shared_ptr<const ByteSource> file;
    container::PublicPart part;
    Facts facts;
    std::optional<char> damaged_block;
    container::Index index;

    /// The keys, which stay alive for a read in progress when they are dropped. Throws `keys_dropped`.
    [[nodiscard]] std::shared_ptr<const container::KeySchedule> keys() const;
    void set_keys(std::shared_ptr<const container::KeySchedule> keys) noexcept;

    [[nodiscard]] container::Source source(const container::KeySchedule& keys) const {
        return {*file, keys, index, part.prelude.body_offset(), part.prelude.chunk_log2};
    }
    /// Throws `invalid_argument` for a position that does not exist.
    [[nodiscard]] const container::Entry& tensor_entry(std::size_t position) const;
    [[nodiscard]] const container::Entry& file_entry(std::size_t position) const;
    /// The entry that stores the data: itself, or what it is an alias of.
    [[nodiscard]] const container::Entry& stored(const container::Entry& entry) const;
    [[nodiscard]] container::View view(const Selection& selection) const;

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const container::KeySchedule> keys_;
};

/// Lets the functions of this folder see the state of a model.
struct StateAccess {
    [[nodiscard]] static const SealedModel::State& of(const SealedModel& model) { return *model.state_; }
};

} // namespace weightseal
