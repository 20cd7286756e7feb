#include "remote/segment_cache.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weightseal::remote {
namespace {

constexpr std::size_t smallest_segment = std::size_t{256} << 10; // a chunk of a container
constexpr std::size_t largest_segment = std::size_t{8} << 20;

} // namespace

CacheSizes CacheSizes::within(std::uint64_t memory) noexcept {
    CacheSizes sizes;
    sizes.memory = static_cast<std::size_t>(memory);
    sizes.smallest = smallest_segment;
    sizes.largest = std::clamp(std::bit_floor(sizes.memory / 8), smallest_segment, largest_segment);
    sizes.ahead = sizes.memory / 4 * 3;
    return sizes;
}

void SegmentCache::put_first(AlignedBuffer buffer) {
    if (size_ == 0) return;
    const std::lock_guard lock(mutex_);
    const auto segment = std::make_shared<Segment>();
    segment->size = segment->received = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_));
    segment->step = sizes_.smallest;
    held_ += buffer.size();
    most_held_ = std::max(most_held_, held_);
    segment->buffer = std::move(buffer);
    segments_.emplace(0, segment);
}

void SegmentCache::read(std::uint64_t offset, MutableBytes to) {
    Lock lock(mutex_);
    while (!to.empty()) {
        Shared segment = find(offset);
        const bool goes_on = segment != nullptr;
        if (!segment) segment = demand(lock, offset, to.size());
        const auto from = static_cast<std::size_t>(offset - segment->begin);
        const std::size_t count = std::min(to.size(), segment->size - from);
        segment->last_touched = ++clock_;
        ++segment->readers;
        try {
            fetch_ahead(*segment, offset, to.size(), goes_on);
        } catch (const std::exception&) { // what is not fetched ahead is asked for when it is needed
        }
        while (segment->received < from + count && !segment->failure) {
            segment->awaited = std::min(segment->awaited, from + count);
            changed_.wait(lock);
        }
        if (segment->received < from + count) {
            const Failure failure = *segment->failure;
            leave(*segment);
            throw Error(failure.code, name_, failure.what, offset);
        }
        lock.unlock();
        std::memcpy(to.data(), segment->buffer.data() + from, count);
        lock.lock();
        segment->consumed += count;
        leave(*segment);
        offset += count;
        to = to.subspan(count);
    }
}

void SegmentCache::leave(Segment& segment) {
    if (--segment.readers != 0) return;
    if (segment.failure) remove(segment); // whoever asks again gets another attempt
    changed_.notify_all();                // somebody may wait for room
}

SegmentCache::Shared SegmentCache::find(std::uint64_t offset) const {
    auto after = segments_.upper_bound(offset);
    if (after == segments_.begin()) return nullptr;
    const Shared& segment = std::prev(after)->second;
    return offset < segment->end() ? segment : nullptr;
}

SegmentCache::Shared SegmentCache::demand(Lock& lock, std::uint64_t offset, std::size_t wanted) {
    const std::uint64_t begin = offset / sizes_.smallest * sizes_.smallest;
    const Shared before = begin == 0 ? nullptr : find(begin - 1);
    const std::size_t grown = before ? std::min(before->step * 2, sizes_.largest) : sizes_.smallest;
    const std::size_t needed = fitting(offset - begin + wanted);
    for (;;) {
        if (Shared segment = find(offset)) return segment; // another reader was faster
        Shared segment = plan(offset, grown, needed);
        if (make_room(segment->size, [](const Segment&) { return true; })) {
            add(segment, true);
            return segment;
        }
        changed_.wait(lock);
    }
}

std::size_t SegmentCache::fitting(std::uint64_t bytes) const noexcept {
    return std::bit_ceil(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, sizes_.largest)));
}

SegmentCache::Shared SegmentCache::plan(std::uint64_t offset, std::size_t step, std::size_t needed) const {
    const std::size_t size = std::max(step, needed);
    auto segment = std::make_shared<Segment>();
    segment->step = step;
    segment->begin = offset / sizes_.smallest * sizes_.smallest;
    // The large ones end at multiples of their size, and none reaches into the next.
    std::uint64_t end = std::min((segment->begin / size + 1) * size, size_);
    if (const auto next = segments_.upper_bound(offset); next != segments_.end()) end = std::min(end, next->first);
    segment->size = static_cast<std::size_t>(end - segment->begin);
    return segment;
}

void SegmentCache::fetch_ahead(const Segment& from, std::uint64_t offset, std::size_t wanted, bool goes_on) {
    const bool has_grown = from.step > sizes_.smallest;
    const std::size_t distance = has_grown ? std::min(from.step * 8, sizes_.ahead) : 0;
    const std::uint64_t wanted_end = offset + std::min(wanted, sizes_.ahead);
    const std::uint64_t target = std::min(size_, std::max(offset + distance, wanted_end));
    const std::uint64_t behind = offset - std::min<std::uint64_t>(offset, sizes_.largest * 2);
    std::size_t step = from.step;
    for (std::uint64_t at = from.end(); at < target;) {
        if (const Shared segment = find(at)) {
            at = segment->end();
            step = std::max(step, segment->step);
            continue;
        }
        if (goes_on || has_grown) step = std::min(step * 2, sizes_.largest);
        const Shared segment = plan(at, step, at < wanted_end ? fitting(wanted_end - at) : 0);
        // Not at the cost of what was fetched ahead before.
        const bool has_room = make_room(segment->size, [&](const Segment& old) {
            return old.is_spent() || old.end() <= behind || old.begin >= target;
        });
        if (!has_room) return;
        add(segment, false);
        at = segment->end();
    }
}

void SegmentCache::add(const Shared& segment, bool is_urgent) {
    segment->last_touched = clock_;
    segments_.emplace(segment->begin, segment);
    try {
        if (segment->size == sizes_.largest && !spare_.empty()) {
            segment->buffer = std::move(spare_.back());
            spare_.pop_back();
        } else {
            segment->buffer = AlignedBuffer(segment->size, {});
            held_ += segment->size;
            most_held_ = std::max(most_held_, held_);
        }
        start_(segment, is_urgent);
    } catch (...) { // nobody would bring it
        remove(*segment);
        throw;
    }
}

template <class MayGo>
bool SegmentCache::make_room(std::size_t bytes, const MayGo& may_go) {
    for (;;) {
        if (bytes == sizes_.largest && !spare_.empty()) return true;
        while (held_ + bytes > sizes_.memory && !spare_.empty()) {
            held_ -= spare_.back().size();
            spare_.pop_back();
        }
        if (held_ + bytes <= sizes_.memory) return true;
        // What was read to its end goes first, then what nobody touched for longest.
        const Segment* oldest = nullptr;
        const auto order = [](const Segment& s) { return std::pair(!s.is_spent(), s.last_touched); };
        for (const auto& [begin, segment] : segments_)
            if (segment->is_idle() && may_go(*segment) && (oldest == nullptr || order(*segment) < order(*oldest)))
                oldest = segment.get();
        if (oldest == nullptr) return false;
        remove(*oldest);
    }
}

void SegmentCache::remove(const Segment& segment) {
    const auto found = segments_.find(segment.begin);
    if (found == segments_.end() || found->second.get() != &segment) return;
    AlignedBuffer& buffer = found->second->buffer;
    if (buffer.size() == sizes_.largest)
        spare_.push_back(std::move(buffer));
    else
        held_ -= buffer.size();
    segments_.erase(found);
}

void SegmentCache::received(Segment& segment, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    segment.received = bytes;
    if (bytes < segment.awaited && bytes < segment.size) return;
    segment.awaited = Segment::nobody;
    changed_.notify_all();
}

void SegmentCache::failed(Segment& segment, const Failure& failure) noexcept {
    const std::lock_guard lock(mutex_);
    segment.failure = failure;
    segment.awaited = Segment::nobody;
    // Whoever comes later may be luckier.
    if (segment.readers == 0) remove(segment);
    changed_.notify_all();
}

std::size_t SegmentCache::most_held() const {
    const std::lock_guard lock(mutex_);
    return most_held_;
}

} // namespace weightseal::remote
