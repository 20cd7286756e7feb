#include "guard/table.hpp"

#include <bit>
#include <cmath>

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

// Hands out consecutive parts of a buffer; first with no buffer, to learn its size.
class Carver {
  public:
    explicit Carver(std::byte* data) : data_(data) {}

    template <class T>
    std::span<T> take(std::size_t count) {
        const std::size_t at = align_up(size_, alignof(T));
        size_ = at + count * sizeof(T);
        return data_ == nullptr ? std::span<T>{} : std::span<T>{reinterpret_cast<T*>(data_ + at), count};
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    std::byte* data_;
    std::size_t size_ = 0;
};

} // namespace

Table::Table(std::vector<Window> windows, std::size_t capacity)
    : windows_(std::move(windows)), places_(places_for(capacity)) {
    const std::size_t count = windows_.size();
    groups_ = std::size_t{places_} * 3 / 2 / Tags::group + 1; // at two thirds, a group is full for one client in thirty
    row_ = std::max<std::size_t>(places_ / (16 * count), 64);
    const auto carve = [&](std::byte* data) {
        Carver carver(data);
        overflow_.rings = carver.take<Line>(count).data();
        for (std::size_t i = 0; i < shard_count; ++i) {
            Shard& shard = shards_[i];
            shard.slots = carver.take<Line>(slots_of_shard()).data();
            shard.tags = carver.take<Tags>(groups_).data();
            shard.more = carver.take<Line>(places_ * (count - 1)).data();
            shard.hashes = carver.take<std::uint64_t>(places_);
            shard.numbers = carver.take<std::uint64_t>(count * Sketch::quarters);
            shard.cells = carver.take<float>(count * Sketch::cells_needed(row_)).data();
        }
        return carver.size();
    };
    memory_ = AlignedBuffer(carve(nullptr), {});
    std::ranges::fill(memory_.bytes(), std::byte{0}); // a check must not wait for the system to find pages
    carve(memory_.data());
    for (std::size_t i = 0; i < count; ++i)
        overflow_.rings[i].ring.reset(0);
}

void Table::set_limit(const Window& wanted) noexcept {
    for (Window& window : windows_)
        if (window.budget == wanted.budget && window.seconds == wanted.seconds) window = wanted;
    for (Shard& shard : shards_)
        shard.saturated_until = 0;
}

Sketch Table::sketch_of(Shard& shard, std::size_t window) const noexcept {
    const std::size_t size = Sketch::cells_needed(row_);
    return {std::span{shard.cells + window * size, size},
            shard.numbers.subspan(window * Sketch::quarters, Sketch::quarters)};
}

void Table::set_tick(Shard& shard, std::uint64_t tick) const noexcept {
    shard.tick = tick;
    for (std::size_t i = 0; i < windows_.size(); ++i)
        shard.buckets[i] = windows_[i].bucket(tick);
}

// What the sketches know of a client, as rings: each quarter's sum in the last sub-bucket it can belong to.
void Table::estimate(Shard& shard, const Seat& seat) const noexcept {
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
    Shard& shard = shards_[shard_of(hash)];
    seat = {this, scratch, scratch + 1, shard.buckets.data(), hash, nullptr, Tier::client, true, false};
    estimate(shard, seat);
    if (shard.used_places < places_) return;
    seat.overflow = true;
    if (shard.tick < shard.saturated_until) return;
    double lowest = at_limit;
    for (std::size_t seen = 0; seen < slots_of_shard(); ++seen) {
        if (seen >= search_length && seat.victim != nullptr) break;
        Line* const slot = &shard.slots[shard.hand];
        shard.hand = shard.hand + 1 == slots_of_shard() ? 0 : shard.hand + 1;
        if (slot->owner == 0) continue;
        const Seat other = seat_at(shard, slot);
        advance(other);
        const double filled = fill(other);
        if (filled >= lowest) continue;
        lowest = filled;
        seat.victim = slot;
        if (filled == 0) break;
    }
    seat.overflow = seat.victim == nullptr;
    // Counts fall at the ends of sub-buckets only, and where somebody settles.
    if (seat.overflow) shard.saturated_until = next_boundary(shard.tick);
}

// The largest share of a limit that is used, or `at_limit`.
double Table::fill(const Seat& seat) const noexcept {
    double largest = 0;
    for (std::size_t i = 0; i < windows_.size(); ++i) {
        const Ring& ring = seat.ring(i);
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
    Shard& shard = shards_[shard_of(seat.hash)];
    std::uint64_t place = shard.used_places;
    bool sent_away = false;
    if (seat.victim == nullptr) {
        ++shard.used_places;
    } else {
        place = place_of(*seat.victim);
        sent_away = send_away(shard, seat.victim);
    }
    std::size_t group = home_of(seat.hash) / Tags::group;
    while (!shard.tags[group].empty())
        group = group + 1 == groups_ ? 0 : group + 1;
    const std::size_t at = shard.tags[group].empty().first();
    shard.tags[group].set(at, seat.hash);
    Line* const slot = shard.slots + group * Tags::group + at;
    slot->ring = seat.slot->ring;
    slot->owner = seat.hash << place_bits | (place + 1);
    shard.hashes[place] = seat.hash;
    std::copy_n(seat.more, windows_.size() - 1, seat_at(shard, slot).more);
    return sent_away;
}

bool Table::send_away(Shard& shard, Line* slot) noexcept {
    const std::uint64_t hash = shard.hashes[place_of(*slot)];
    const Seat seat = seat_at(shard, slot);
    bool had_counts = false;
    for (std::size_t i = 0; i < windows_.size(); ++i) {
        if (seat.ring(i).used() == 0) continue;
        had_counts = true;
        const std::uint64_t bucket = seat.buckets[i];
        const std::uint64_t quarter = bucket / Sketch::quarter_size;
        Sketch sketch = sketch_of(shard, i);
        for (std::uint64_t q = quarter + 1 - Sketch::quarters; q <= quarter; ++q) {
            const std::uint64_t first = std::max(q * Sketch::quarter_size, bucket - Ring::parts);
            const std::uint64_t last = std::min(Sketch::quarter_end(first), bucket);
            const std::uint64_t used = seat.ring(i).used_between(bucket, static_cast<unsigned>(bucket - first),
                                                                 static_cast<unsigned>(bucket - last));
            if (used != 0) sketch.note(hash, q, used);
        }
    }
    erase(shard, static_cast<std::size_t>(slot - shard.slots));
    return had_counts;
}

// Empties a slot, and moves up those that it had pushed from their homes.
void Table::erase(Shard& shard, std::size_t hole) const noexcept {
    const std::size_t size = slots_of_shard();
    const auto distance = [&](std::size_t from, std::size_t to) { return to >= from ? to - from : to + size - from; };
    for (std::size_t at = hole;;) {
        at = at + 1 == size ? 0 : at + 1;
        if (shard.slots[at].owner == 0) break;
        const std::uint64_t hash = shard.hashes[place_of(shard.slots[at])];
        if (distance(home_of(hash), at) < distance(hole, at)) continue; // its home lies after the hole
        shard.slots[hole] = shard.slots[at];
        shard.tags[hole / Tags::group].set(hole % Tags::group, hash);
        hole = at;
    }
    shard.slots[hole].owner = 0;
    shard.tags[hole / Tags::group].clear(hole % Tags::group);
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
    shards_[shard_of(hash)].saturated_until = 0;
}

void Table::advance_overflow(std::uint64_t tick) noexcept {
    overflow_.tick = std::max(overflow_.tick, tick);
    for (std::size_t i = 0; i < windows_.size(); ++i)
        overflow_.rings[i].ring.advance(windows_[i].bucket(overflow_.tick));
}

bool Table::report_saturation() noexcept {
    if (overflow_.tick < overflow_.reported_until) return false;
    overflow_.reported_until = next_boundary(overflow_.tick);
    return true;
}

} // namespace weightseal::guard
