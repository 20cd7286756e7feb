#include "guard/table.hpp"

#include "guard/carver.hpp"

#include <cmath>
#include <limits>

namespace weightseal::guard {
namespace {

// Slots looked at for a place that is free before the lowest of them must go: a few microseconds at the most.
constexpr std::size_t search_length = 224;
constexpr double at_limit = 2;

// Hashes spread clients over shards as chance does: six standard deviations more than the mean share.
std::uint32_t places_for(std::size_t capacity) {
    const double share = static_cast<double>(capacity) / static_cast<double>(shard_count);
    return static_cast<std::uint32_t>(std::ceil(share + 6 * std::sqrt(share)));
}

} // namespace

Table::Table(std::vector<Window> windows, std::size_t capacity)
    : windows_(std::move(windows)), places_(places_for(capacity)) {
    own_memory_ = AlignedBuffer(place_parts(nullptr, false), {});
    std::ranges::fill(own_memory_.bytes(), std::byte{0}); // a check must not wait for the system to find pages
    place_parts(own_memory_.data(), false);
}

Table::Table(std::vector<Window> windows, std::size_t capacity, MutableBytes shared_memory)
    : windows_(std::move(windows)), places_(places_for(capacity)) {
    place_parts(shared_memory.data(), true);
}

std::size_t Table::size_of(std::size_t windows, std::size_t capacity) {
    return Table(std::vector<Window>(windows), capacity, MutableBytes{}).place_parts(nullptr, true);
}

void Table::format() {
    new (overflow_mutex_) platform::RobustMutex;
}

// Returns the size of them all; without memory, nothing else.
std::size_t Table::place_parts(std::byte* memory, bool shared) {
    const std::size_t count = windows_.size();
    slots_of_shard_ = std::size_t{places_} * 7 / 4 + 1; // at four sevenths, a client takes 1.7 looks
    row_ = std::max<std::size_t>(places_ / (16 * count), 64);
    Carver carver(memory);
    overflow_ = carver.take<Overflow>(1).data();
    overflow_lines_ = carver.take<Line>(count).data();
    if (shared) {
        overflow_copies_ = carver.take<Line>(count).data();
        overflow_mutex_ = carver.take<platform::RobustMutex>(1).data();
    }
    for (Shard& shard : shards_) {
        shard.kept = carver.take<Kept>(1).data();
        shard.slots = carver.take<Line>(slots_of_shard_).data();
        shard.more = carver.take<Line>(places_ * (count - 1)).data();
        if (shared) shard.copies = carver.take<Line>(count).data();
        shard.hashes = carver.take<std::uint64_t>(places_).data();
        shard.numbers = carver.take<std::uint64_t>(count * Sketch::quarters);
        shard.cells = carver.take<float>(count * Sketch::cells_needed(row_)).data();
    }
    return carver.size();
}

void Table::set_limit(const Window& wanted) noexcept {
    for (Window& window : windows_)
        if (window.budget == wanted.budget && window.seconds == wanted.seconds) window = wanted;
    for (const Shard& shard : shards_)
        shard.kept->saturated_until = 0;
}

Sketch Table::sketch_of(const Shard& shard, std::size_t window) const noexcept {
    const std::size_t size = Sketch::cells_needed(row_);
    return {std::span{shard.cells + window * size, size},
            shard.numbers.subspan(window * Sketch::quarters, Sketch::quarters)};
}

void Table::set_tick(Kept& kept, std::uint64_t tick) const noexcept {
    kept.next_tick = 0; // nobody's, until all buckets are there
    in_order();
    for (std::size_t i = 0; i < windows_.size(); ++i)
        kept.buckets[i] = windows_[i].bucket(tick);
    in_order();
    kept.next_tick = tick + 1;
}

void Table::save(const Shard& shard, const Seat& seat) const noexcept {
    shard.copies[0] = *seat.slot;
    std::copy_n(seat.more, windows_.size() - 1, shard.copies + 1);
    in_order();
    shard.kept->saved = static_cast<std::uint64_t>(seat.slot - shard.slots) + 1;
    in_order();
}

void Table::commit(std::size_t shard) noexcept {
    in_order();
    shards_[shard].kept->saved = 0;
    in_order();
}

void Table::repair(std::size_t number) noexcept {
    const Shard& shard = shards_[number];
    Kept& kept = *shard.kept;
    if (kept.saved != 0) {
        Line* const slot = shard.slots + (kept.saved - 1);
        *slot = shard.copies[0];
        std::copy_n(shard.copies + 1, windows_.size() - 1, seat_at(shard, slot).more);
        commit(number);
    }
    if (kept.erasing != 0) {
        if (kept.spare_place == 0) kept.spare_place = place_of(shard.slots[kept.erasing - 1]) + 1; // nothing moved yet
        in_order();
        erase(shard, kept.erasing - 1);
    }
    kept.used_places = std::max(kept.used_places, static_cast<std::uint32_t>(kept.spare_place));
    if (kept.inserting != 0) { // the newcomer was not admitted yet
        const std::size_t slot = kept.inserting - 1;
        if (kept.spare_place == 0) kept.spare_place = place_of(shard.slots[slot]) + 1;
        in_order();
        shard.slots[slot].owner = 0;
        in_order();
        kept.inserting = 0;
    }
    kept.saturated_until = 0;
}

// What the sketches know of a client, as rings: each quarter's sum in the last sub-bucket it can belong to.
void Table::estimate(const Shard& shard, const Seat& seat) const noexcept {
    for (std::size_t i = 0; i < windows_.size(); ++i) {
        const std::uint64_t bucket = seat.buckets[i];
        const std::uint64_t quarter = bucket / Sketch::quarter_size;
        seat.ring(i).reset(bucket);
        const Sketch sketch = sketch_of(shard, i);
        for (std::uint64_t q = quarter + 1 - Sketch::quarters; q <= quarter; ++q)
            if (const std::uint64_t used = sketch.estimate(seat.hash, q); used != 0) {
                const std::uint64_t last = std::min(bucket, Sketch::quarter_end(q * Sketch::quarter_size));
                const auto age = static_cast<unsigned>(bucket - last);
                if (used >= max_count) // see `note_debt`
                    seat.ring(i).add_debt(bucket, age, used);
                else
                    seat.ring(i).charge(bucket, age, used);
            }
    }
}

void Table::find_place(std::uint64_t hash, Line* scratch, Seat& seat) noexcept {
    const Shard& shard = shards_[shard_of(hash)];
    Kept& kept = *shard.kept;
    seat = {this, scratch, scratch + 1, kept.buckets.data(), hash, nullptr, Tier::client, true, false};
    estimate(shard, seat);
    if (kept.used_places < places_ || kept.spare_place != 0) return;
    seat.overflow = true;
    const std::uint64_t tick = kept.next_tick - 1;
    if (tick < kept.saturated_until) return;
    double lowest = at_limit;
    for (std::size_t seen = 0; seen < slots_of_shard_; ++seen) {
        if (seen >= search_length && seat.victim != nullptr) break;
        Line* const slot = shard.slots + kept.hand;
        kept.hand = static_cast<std::uint32_t>(next(kept.hand));
        if (slot->owner == 0) continue;
        const double filled = fill(seat_at(shard, slot));
        if (filled >= lowest) continue;
        lowest = filled;
        seat.victim = slot;
        if (filled == 0) break;
    }
    seat.overflow = seat.victim == nullptr;
    // Counts fall at the ends of sub-buckets only, and where somebody settles.
    if (seat.overflow) kept.saturated_until = next_boundary(tick);
}

// The largest share of a limit that is used now, or `at_limit`.
double Table::fill(const Seat& seat) const noexcept {
    double largest = 0;
    for (std::size_t i = 0; i < windows_.size(); ++i) {
        Ring ring = seat.ring(i);
        ring.advance(seat.buckets[i]);
        if (ring.at_limit(windows_[i].limit)) return at_limit;
        largest = std::max(largest, static_cast<double>(ring.used()) * windows_[i].share);
    }
    return largest;
}

std::uint64_t Table::next_boundary(std::uint64_t tick) const noexcept {
    std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
    for (const Window& window : windows_)
        next = std::min(next, window.start(window.bucket(tick) + 1));
    return next;
}

bool Table::keep(const Seat& seat) noexcept {
    const Shard& shard = shards_[shard_of(seat.hash)];
    Kept& kept = *shard.kept;
    bool sent_away = false;
    if (kept.spare_place == 0) {
        if (seat.victim != nullptr) {
            sent_away = send_away(shard, static_cast<std::size_t>(seat.victim - shard.slots));
        } else {
            kept.spare_place = kept.used_places + 1;
            in_order();
            ++kept.used_places;
        }
    }
    const std::uint64_t place = kept.spare_place - 1;
    std::size_t at = home_of(seat.hash);
    while (shard.slots[at].owner != 0)
        at = next(at);
    Line& slot = shard.slots[at];
    kept.inserting = at + 1;
    in_order();
    slot.ring = seat.slot->ring;
    shard.hashes[place] = seat.hash;
    std::copy_n(seat.more, windows_.size() - 1, more_of(shard, place));
    in_order();
    slot.owner = seat.hash << place_bits | (place + 1);
    in_order();
    kept.spare_place = 0;
    in_order();
    kept.inserting = 0;
    return sent_away;
}

bool Table::send_away(const Shard& shard, std::size_t slot) noexcept {
    const Seat seat = seat_at(shard, shard.slots + slot);
    const std::uint64_t place = place_of(*seat.slot);
    const std::uint64_t hash = shard.hashes[place];
    bool had_counts = false;
    for (std::size_t i = 0; i < windows_.size(); ++i) {
        Ring ring = seat.ring(i);
        const std::uint64_t bucket = seat.buckets[i];
        ring.advance(bucket);
        if (ring.used() == 0) continue;
        had_counts = true;
        const std::uint64_t quarter = bucket / Sketch::quarter_size;
        Sketch sketch = sketch_of(shard, i);
        for (std::uint64_t q = quarter + 1 - Sketch::quarters; q <= quarter; ++q) {
            const std::uint64_t first = std::max(q * Sketch::quarter_size, bucket - Ring::parts);
            const std::uint64_t last = std::min(Sketch::quarter_end(first), bucket);
            const std::uint64_t used =
                ring.used_between(bucket, static_cast<unsigned>(bucket - first), static_cast<unsigned>(bucket - last));
            if (used != 0) sketch.note(hash, q, used);
        }
    }
    in_order();
    shard.kept->erasing = slot + 1;
    in_order();
    shard.kept->spare_place = place + 1;
    in_order();
    erase(shard, slot);
    return had_counts;
}

// Empties a slot, and moves up those that it had pushed from their homes. Done again from the slot that `erasing` says,
// it goes on where it was.
void Table::erase(const Shard& shard, std::size_t hole) const noexcept {
    const auto distance = [&](std::size_t from, std::size_t to) {
        return to >= from ? to - from : to + slots_of_shard_ - from;
    };
    for (std::size_t at = hole;;) {
        at = next(at);
        if (shard.slots[at].owner == 0) break;
        const std::uint64_t hash = shard.hashes[place_of(shard.slots[at])];
        if (distance(home_of(hash), at) < distance(hole, at)) continue; // its home lies after the hole
        shard.slots[hole] = shard.slots[at];
        in_order();
        hole = at;
        shard.kept->erasing = hole + 1;
        in_order();
    }
    shard.slots[hole].owner = 0;
    in_order();
    shard.kept->erasing = 0;
}

void Table::note(std::uint64_t hash, std::size_t window, std::uint64_t bucket, std::uint64_t cost) noexcept {
    Sketch sketch = sketch_of(shards_[shard_of(hash)], window);
    const std::uint64_t quarter = bucket / Sketch::quarter_size;
    sketch.note(hash, quarter, sketch.estimate(hash, quarter) + cost);
}

void Table::note_debt(std::uint64_t hash, std::size_t window, std::uint64_t bucket) noexcept {
    note(hash, window, bucket, max_count);
}

void Table::forget_saturation(std::uint64_t hash) noexcept {
    shards_[shard_of(hash)].kept->saturated_until = 0;
}

void Table::lock_overflow() noexcept {
    if (!is_shared()) return overflow_->lock.lock();
    const bool owner_died = overflow_mutex_->lock();
    if (owner_died && overflow_->saved != 0) std::copy_n(overflow_copies_, windows_.size(), overflow_lines_);
    if (owner_died) overflow_mutex_->set_repaired();
    overflow_->saved = 0;
    in_order();
    std::copy_n(overflow_lines_, windows_.size(), overflow_copies_);
    in_order();
    overflow_->saved = 1;
    in_order();
}

void Table::unlock_overflow() noexcept {
    if (!is_shared()) return overflow_->lock.unlock();
    in_order();
    overflow_->saved = 0;
    in_order();
    overflow_mutex_->unlock();
}

void Table::advance_overflow(std::uint64_t tick) noexcept {
    overflow_->tick = std::max(overflow_->tick, tick);
    for (std::size_t i = 0; i < windows_.size(); ++i)
        overflow_ring(i).advance(windows_[i].bucket(overflow_->tick));
}

bool Table::report_saturation() noexcept {
    if (overflow_->tick < overflow_->reported_until) return false;
    overflow_->reported_until = next_boundary(overflow_->tick);
    return true;
}

} // namespace weightseal::guard
