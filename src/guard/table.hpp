#pragma once
// Tables: the counts of one tier's clients, in memory that is fixed from the start.
//
// A table is cut into shards. A shard has slots, an open-addressing hash table whose slots hold the ring of the first
// window, so that most checks touch one cache line; a row of further rings for each client it can hold; and for each
// window a sketch of those who had to go. A newcomer takes a free place, or that of a client whose counts have all left
// their windows, or that of one with low counts, which go to the sketch. Clients at their limit are never moved: where
// a whole shard is at its limit, newcomers are charged to what they share.

#include "guard/in_order.hpp"
#include "guard/sketch.hpp"
#include "guard/spin_lock.hpp"
#include "guard/window.hpp"
#include "platform/robust_mutex.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weightseal::guard {

inline constexpr unsigned shard_bits = 6;
inline constexpr std::size_t shard_count = std::size_t{1} << shard_bits;

[[nodiscard]] inline std::size_t shard_of(std::uint64_t hash) noexcept {
    return static_cast<std::size_t>(hash >> (64 - shard_bits));
}

/// A cache line: a ring and, in a slot, whose it is.
struct alignas(64) Line {
    Ring ring;
    std::uint64_t owner; ///< tag of 40 bits, place + 1; 0: empty
};

class Table;

/// Where a client's counts are during a check.
struct Seat {
    Table* table;
    Line* slot; ///< ring of the first window: the table's, or of a newcomer a copy that `Table::keep` brings in
    Line* more; ///< rings of the further windows, likewise
    const std::uint64_t* buckets; ///< the running ones, of each window
    std::uint64_t hash;
    Line* victim; ///< of a newcomer: the slot whose client must go; null: there are free places
    Tier tier;    ///< the table's; set by the check
    bool newcomer;
    bool overflow; ///< there is no place: what newcomers share must admit and is charged, too

    [[nodiscard]] Ring& ring(std::size_t window) const noexcept {
        return window == 0 ? slot->ring : more[window - 1].ring;
    }
    /// Sub-buckets from the running one until `cost`, which is at most `limit`, is admitted. Where only a sketch knows
    /// of this quarter, it counts until the quarter's end has left the window.
    [[nodiscard]] std::uint64_t wait(std::size_t window, std::uint64_t cost, std::uint64_t limit) const noexcept {
        const std::uint64_t bucket = buckets[window];
        const unsigned wait = ring(window).wait(bucket, cost, limit);
        return newcomer && wait == Ring::slots ? Sketch::quarter_end(bucket) - bucket + wait : wait;
    }
};

/// Whoever calls `find` to `forget_saturation` holds the lock of the hash's shard, which is the guard's; see `State`.
///
/// A table in shared memory survives the death of whoever changes it: the rings of a client that has a place are saved
/// before they change, and are as they were unless `commit` follows; places change hands in an order in which each step
/// can be undone or done again; and sketches only rise.
class Table {
  public:
    /// Throws `out_of_memory`.
    Table(std::vector<Window> windows, std::size_t capacity);
    /// A table in memory of `size_of` bytes, which are a table of the same windows and capacity, or zeros.
    Table(std::vector<Window> windows, std::size_t capacity, MutableBytes shared_memory);
    [[nodiscard]] static std::size_t size_of(std::size_t windows, std::size_t capacity);
    /// Makes zeros a table in shared memory. Throws `out_of_memory`.
    void format();

    [[nodiscard]] std::span<const Window> windows() const noexcept { return windows_; }
    [[nodiscard]] std::size_t memory() const noexcept { return own_memory_.size(); }

    /// New numbers for a window, if the table has it. The caller holds all locks.
    void set_limit(const Window& wanted) noexcept;

    /// Where slots are: those of shard s start s · `shard_bytes` after those of the first.
    [[nodiscard]] const Line* slots() const noexcept { return shards_[0].slots; }
    [[nodiscard]] std::size_t slots_of_shard() const noexcept { return slots_of_shard_; }
    [[nodiscard]] std::size_t shard_bytes() const noexcept {
        return static_cast<std::size_t>(shards_[1].slots - shards_[0].slots) * sizeof(Line);
    }
    /// The slot of its shard where a client's is looked for first.
    [[nodiscard]] static std::size_t home_of(std::uint64_t hash, std::uint64_t slots_of_shard) noexcept {
        return static_cast<std::size_t>((hash << shard_bits >> 32) * slots_of_shard >> 32);
    }

    /// Finds the rings of a client that has a place, and advances them to `tick`; false if it has none.
    [[nodiscard]] bool find(std::uint64_t hash, std::uint64_t tick, Seat& seat) noexcept {
        const Shard& shard = shards_[shard_of(hash)];
        if (tick + 1 != shard.kept->next_tick) set_tick(*shard.kept, tick);
        Line* const slot = find_slot(shard, hash);
        if (slot == nullptr) return false;
        seat = seat_at(shard, slot);
        seat.hash = hash;
        if (is_shared()) save(shard, seat);
        advance(seat);
        return true;
    }
    /// What happened to a shard since `find` holds. Its lock is about to be released; shared memory only.
    void commit(std::size_t shard) noexcept;
    /// Of a shard whose owner died; shared memory only.
    void repair(std::size_t shard) noexcept;

    /// Makes rings of what the sketches know of a client that has no place, and looks for one. `scratch` has a line for
    /// each window. After `find`.
    void find_place(std::uint64_t hash, Line* scratch, Seat& seat) noexcept;
    /// Brings a newcomer in; true if that cost another client its place.
    bool keep(const Seat& seat) noexcept;
    /// Charges a client without a place.
    void note(std::uint64_t hash, std::size_t window, std::uint64_t bucket, std::uint64_t cost) noexcept;
    /// A client without a place used more than it reserved: nothing of it is admitted until that has left the window.
    void note_debt(std::uint64_t hash, std::size_t window, std::uint64_t bucket) noexcept;
    /// Somebody's count fell before its time.
    void forget_saturation(std::uint64_t hash) noexcept;

    /// What newcomers share while there is no place for them: a ring for each window.
    [[nodiscard]] Ring& overflow_ring(std::size_t window) noexcept { return overflow_lines_[window].ring; }
    [[nodiscard]] std::uint64_t overflow_tick() const noexcept { return overflow_->tick; }
    /// After the lock of a shard; the rest is the owner's.
    void lock_overflow() noexcept;
    void unlock_overflow() noexcept;
    /// Brings it up to a tick; not back, for checks may come here in another order than they read the clock.
    void advance_overflow(std::uint64_t tick) noexcept;
    /// True once for each sub-bucket of the shortest window.
    [[nodiscard]] bool report_saturation() noexcept;

  private:
    // What a shard remembers besides its clients.
    struct alignas(64) Kept {
        std::uint64_t next_tick = 0;                          // one more than that of the last check
        std::array<std::uint64_t, max_tier_limits> buckets{}; // of each window, then
        std::uint32_t used_places = 0;
        std::uint32_t hand = 0;            // where the next search for a place starts
        std::uint64_t saturated_until = 0; // tick
        // Of changes in progress, in shared memory; each is a number plus 1, or 0.
        std::uint64_t saved = 0;       // the slot whose client's lines were saved
        std::uint64_t erasing = 0;     // the slot that is to be empty once those behind it have moved up
        std::uint64_t inserting = 0;   // the slot that a newcomer gets
        std::uint64_t spare_place = 0; // a place that is nobody's
    };
    struct Overflow {
        SpinLock lock;
        std::uint64_t tick = 0; // of the rings
        std::uint64_t reported_until = 0;
        std::uint64_t saved = 0; // 1: the copies of the lines are what counts
    };
    // Where the parts of a shard are in this process.
    struct Shard {
        Kept* kept = nullptr;
        Line* slots = nullptr;
        Line* more = nullptr;             // further rings, by place
        Line* copies = nullptr;           // of the lines that were saved; in shared memory
        std::uint64_t* hashes = nullptr;  // by place
        std::span<std::uint64_t> numbers; // of the sketches' quarters
        float* cells = nullptr;
    };

    // An owner is 40 bits of the hash, and where the client's hash and further rings are.
    static constexpr unsigned place_bits = 24;
    static constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;

    [[nodiscard]] static bool is_owner(std::uint64_t owner, std::uint64_t hash) noexcept {
        return ((owner ^ hash << place_bits) & ~place_mask) == 0;
    }
    [[nodiscard]] static std::uint64_t place_of(const Line& slot) noexcept { return (slot.owner & place_mask) - 1; }
    [[nodiscard]] std::size_t home_of(std::uint64_t hash) const noexcept { return home_of(hash, slots_of_shard_); }
    [[nodiscard]] std::size_t next(std::size_t slot) const noexcept { return ++slot == slots_of_shard_ ? 0 : slot; }
    [[nodiscard]] Line* find_slot(const Shard& shard, std::uint64_t hash) const noexcept {
        for (std::size_t at = home_of(hash);; at = next(at)) {
            Line& slot = shard.slots[at];
            if (slot.owner == 0) return nullptr;
            if (is_owner(slot.owner, hash)) return &slot;
        }
    }
    [[nodiscard]] Line* more_of(const Shard& shard, std::uint64_t place) const noexcept {
        return shard.more + place * (windows_.size() - 1);
    }
    [[nodiscard]] Seat seat_at(const Shard& shard, Line* slot) noexcept {
        return {this,  slot, more_of(shard, place_of(*slot)), shard.kept->buckets.data(), 0, nullptr, Tier::client,
                false, false};
    }
    void advance(const Seat& seat) const noexcept {
        for (std::size_t i = 0; i < windows_.size(); ++i)
            seat.ring(i).advance(seat.buckets[i]);
    }

    [[nodiscard]] bool is_shared() const noexcept { return overflow_mutex_ != nullptr; }
    void save(const Shard& shard, const Seat& seat) const noexcept;

    std::size_t place_parts(std::byte* memory, bool shared);
    void set_tick(Kept& kept, std::uint64_t tick) const noexcept;
    [[nodiscard]] Sketch sketch_of(const Shard& shard, std::size_t window) const noexcept;
    void estimate(const Shard& shard, const Seat& seat) const noexcept;
    [[nodiscard]] double fill(const Seat& seat) const noexcept;
    [[nodiscard]] std::uint64_t next_boundary(std::uint64_t tick) const noexcept;
    bool send_away(const Shard& shard, std::size_t slot) noexcept;
    void erase(const Shard& shard, std::size_t slot) const noexcept;

    std::vector<Window> windows_;
    std::uint32_t places_ = 0; // of a shard
    std::size_t row_ = 0;      // cells of a sketch's row
    std::size_t slots_of_shard_ = 0;
    AlignedBuffer own_memory_;
    std::array<Shard, shard_count> shards_;
    Overflow* overflow_ = nullptr;
    Line* overflow_lines_ = nullptr;
    Line* overflow_copies_ = nullptr;                 // in shared memory
    platform::RobustMutex* overflow_mutex_ = nullptr; // in shared memory, instead of the lock
};

} // namespace weightseal::guard
