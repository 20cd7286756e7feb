#pragma once
// Rings: what one client used of one budget in one window, in 56 bytes, so that a cache line holds whose they are, too.
//
// A window is cut into 16 sub-buckets. The ring holds 17: the running one, 15 whole ones, and the one that is leaving
// the window, which counts in full. Their sum is therefore never below what any window that ends now has admitted, and
// a client that paces 0.9 of its limit in pieces of at most 0.04 of it stays below: (0.9 · 17/16 + 0.04) < 1.
//
// Counts have 20 bits and are multiples of a power of two that grows with them, rounded up. The running sub-bucket is
// exact, because what rounding adds to it is kept aside and used first.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weightseal::guard {

/// What rings saturate at; above any limit.
inline constexpr std::uint64_t max_count = std::uint64_t{0xFFFFF} << 20;

/// Sub-buckets are numbered since the guard's start; numbers passed to a ring never fall. A ring is valid after
/// `reset`.
class Ring {
  public:
    static constexpr unsigned parts = 16;        ///< sub-buckets a window has
    static constexpr unsigned slots = parts + 1; ///< ... and the one that is leaving it

    void reset(std::uint64_t bucket) noexcept {
        packed_.fill(0);
        total_ = 0;
        head_ = static_cast<std::uint32_t>(bucket);
    }

    /// Makes `bucket` the running sub-bucket and forgets those that have left the window.
    void advance(std::uint64_t bucket) noexcept {
        const std::uint32_t steps = static_cast<std::uint32_t>(bucket) - head_;
        if (steps == 0) return;
        if (steps >= slots || total_ == 0) return reset(bucket);
        std::uint32_t bits = flags();
        for (std::uint64_t gone = bucket - steps + 1; gone <= bucket; ++gone) {
            const unsigned at = place(gone);
            total_ -= field(at);
            set_field(at, 0);
            bits &= ~(1U << at);
        }
        set_flags(total_ == 0 ? 0 : bits);
        set_kept_aside(0);
        head_ = static_cast<std::uint32_t>(bucket);
    }

    /// What counts against the limit now: never less than was charged.
    [[nodiscard]] std::uint64_t used() const noexcept { return (std::uint64_t{total_} << shift()) - kept_aside(); }
    [[nodiscard]] bool in_debt() const noexcept { return (flags() & debt_mask) != 0; }
    [[nodiscard]] bool at_limit(std::uint64_t limit) const noexcept { return used() >= limit || in_debt(); }

    [[nodiscard]] bool admits(std::uint64_t cost, std::uint64_t limit) const noexcept {
        return !in_debt() && (cost == 0 || (cost <= limit && used() <= limit - cost));
    }

    /// Sub-buckets from the running one until `cost`, which is at most `limit`, is admitted if nothing is charged
    /// meanwhile: 1 … 17.
    [[nodiscard]] unsigned wait(std::uint64_t bucket, std::uint64_t cost, std::uint64_t limit) const noexcept {
        std::uint32_t debts = flags() & debt_mask;
        std::uint64_t units = total_;
        for (unsigned step = 1; step < slots; ++step) {
            const unsigned at = place(bucket + step); // the oldest of those left
            units -= field(at);
            debts &= ~(1U << at);
            if (debts == 0 && (cost == 0 || units << shift() <= limit - cost)) return step;
        }
        return slots;
    }

    /// Adds to a sub-bucket of the window: `age` sub-buckets before the running one.
    void charge(std::uint64_t bucket, unsigned age, std::uint64_t cost) noexcept {
        cost = std::min(cost, max_count);
        const unsigned at = place(bucket - age);
        for (;;) {
            const std::uint64_t ready = age == 0 ? kept_aside() : 0;
            const std::uint64_t more = cost <= ready ? 0 : units(cost - ready);
            const std::uint32_t count = field(at);
            if (more <= max_field - count) {
                set_field(at, count + static_cast<std::uint32_t>(more));
                total_ += static_cast<std::uint32_t>(more);
                if (age == 0) set_kept_aside(ready + (more << shift()) - cost);
                return;
            }
            if (shift() == max_shift) return saturate(at, age == 0);
            coarsen(place(bucket));
        }
    }

    /// Takes back from a sub-bucket what was charged to it, in whole multiples unless it is the running one.
    void refund(std::uint64_t bucket, unsigned age, std::uint64_t amount) noexcept {
        const unsigned at = place(bucket - age);
        const std::uint64_t count = field(at);
        if (age == 0) amount += kept_aside();
        const std::uint64_t back = std::min(amount >> shift(), count);
        set_field(at, static_cast<std::uint32_t>(count - back));
        total_ -= static_cast<std::uint32_t>(back);
        if (age == 0) set_kept_aside(back == count ? 0 : amount - (back << shift()));
    }

    /// Charges a sub-bucket beyond the limit; nothing is admitted until it has left the window.
    void add_debt(std::uint64_t bucket, unsigned age, std::uint64_t excess) noexcept {
        charge(bucket, age, excess);
        set_flags(flags() | 1U << place(bucket - age));
    }

    /// What was charged to the sub-buckets from `oldest` to `newest` sub-buckets before the running one.
    [[nodiscard]] std::uint64_t used_between(std::uint64_t bucket, unsigned oldest, unsigned newest) const noexcept {
        std::uint64_t sum = 0;
        for (unsigned age = newest; age <= oldest; ++age)
            sum += field(place(bucket - age));
        return sum << shift();
    }

    /// True once since the last charge: a streak of refusals is one event.
    [[nodiscard]] bool report_refusal() noexcept {
        const std::uint32_t bits = flags();
        if ((bits & reported_bit) != 0) return false;
        set_flags(bits | reported_bit);
        return true;
    }
    void end_refusals() noexcept {
        const std::uint32_t bits = flags();
        if ((bits & reported_bit) != 0) set_flags(bits & ~reported_bit);
    }

  private:
    static constexpr std::uint32_t max_field = 0xFFFFF;
    static constexpr unsigned max_shift = 20;
    // Flags: a debt bit for each slot, five bits of shift, one for `report_refusal`.
    static constexpr std::uint32_t debt_mask = (1U << slots) - 1;
    static constexpr unsigned shift_at = slots;
    static constexpr std::uint32_t reported_bit = 1U << 22;

    [[nodiscard]] static unsigned place(std::uint64_t bucket) noexcept { return static_cast<unsigned>(bucket % slots); }

    [[nodiscard]] std::uint32_t word(std::size_t byte) const noexcept {
        std::uint32_t value = 0;
        std::memcpy(&value, packed_.data() + byte, sizeof value);
        return value;
    }
    void set_word(std::size_t byte, std::uint32_t value) noexcept {
        std::memcpy(packed_.data() + byte, &value, sizeof value);
    }

    // Fields of 20 bits: the counts, and after them what is kept aside.
    [[nodiscard]] std::uint32_t field(unsigned at) const noexcept {
        return word(at * 5 / 2) >> (at % 2 * 4) & max_field;
    }
    void set_field(unsigned at, std::uint32_t value) noexcept {
        const unsigned shift = at % 2 * 4;
        set_word(at * 5 / 2, (word(at * 5 / 2) & ~(max_field << shift)) | value << shift);
    }

    // By how much the running sub-bucket is rounded up; below 2^shift.
    [[nodiscard]] std::uint64_t kept_aside() const noexcept { return field(slots); }
    void set_kept_aside(std::uint64_t amount) noexcept {
        // Mostly both are 0, and flags that share a word with it are about to be read.
        if (amount != kept_aside()) set_field(slots, static_cast<std::uint32_t>(amount));
    }

    // The last three bytes.
    [[nodiscard]] std::uint32_t flags() const noexcept { return word(44) >> 8; }
    void set_flags(std::uint32_t bits) noexcept { set_word(44, (word(44) & 0xFF) | bits << 8); }

    [[nodiscard]] unsigned shift() const noexcept { return flags() >> shift_at & 31; }
    [[nodiscard]] std::uint64_t units(std::uint64_t amount) const noexcept {
        return (amount + (std::uint64_t{1} << shift()) - 1) >> shift();
    }

    void saturate(unsigned at, bool is_running) noexcept {
        total_ += max_field - field(at);
        set_field(at, max_field);
        if (is_running) set_kept_aside(0);
    }

    // Doubles the multiple that counts are of.
    void coarsen(unsigned running) noexcept {
        const std::uint64_t rounded = field(running) % 2 == 0 ? 0 : std::uint64_t{1} << shift();
        set_kept_aside(kept_aside() + rounded);
        total_ = 0;
        for (unsigned at = 0; at < slots; ++at) {
            const std::uint32_t half = (field(at) + 1) / 2;
            set_field(at, half);
            total_ += half;
        }
        set_flags(flags() + (1U << shift_at));
    }

    std::array<std::uint8_t, 48> packed_;
    std::uint32_t head_;  // low bits of the running sub-bucket's number
    std::uint32_t total_; // sum of the counts
};

static_assert(sizeof(Ring) == 56);

} // namespace weightseal::guard
