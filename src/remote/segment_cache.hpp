#pragma once
// The cache of a remote object: segments that readers took, wait for, or will want next.

#include "remote/segment.hpp"
#include "weightseal/core/bytes.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weightseal::remote {

/// How much is fetched at once, how far ahead, and how much is kept.
struct CacheSizes {
    std::size_t smallest = 0; ///< segment, a power of two; segments begin at multiples of it
    std::size_t largest = 0;  ///< a power of two
    std::size_t ahead = 0;    ///< of a reader that goes on and on
    std::size_t memory = 0;   ///< of all buffers; more than `ahead` and a largest one together

    /// For `memory` bytes.
    [[nodiscard]] static CacheSizes within(std::uint64_t memory) noexcept;
};

/// A read of bytes that directly follow others fetched before gets a segment twice as large as theirs, and those after
/// it are fetched ahead; any other gets the smallest that holds it. Thread-safe.
class SegmentCache {
  public:
    /// Starts the download of a segment; `is_urgent` when a reader waits for it. Called under the lock. What
    /// it throws reaches the reader, and the next one starts it anew.
    using Start = std::function<void(const std::shared_ptr<Segment>& segment, bool is_urgent)>;

    /// @param size  of the object, bytes; `name` is what errors call it
    SegmentCache(std::uint64_t size, const CacheSizes& sizes, std::string name, Start start)
        : size_(size), sizes_(sizes), name_(std::move(name)), start_(std::move(start)) {
        spare_.reserve(sizes.memory / sizes.largest + 1); // what becomes spare while an error is handled cannot fail
    }

    /// Puts in what is there already: a buffer that begins with the object's first bytes, as many as it holds.
    void put_first(AlignedBuffer buffer);
    /// Fills `to` from `offset`, which is within the object; waits for downloads. Throws what became of them.
    void read(std::uint64_t offset, MutableBytes to);

    // By the thread that downloads:
    void received(Segment& segment, std::size_t bytes) noexcept;
    void failed(Segment& segment, const Failure& failure) noexcept;

    /// The most bytes that all buffers ever had.
    [[nodiscard]] std::size_t most_held() const;

  private:
    using Lock = std::unique_lock<std::mutex>;
    using Shared = std::shared_ptr<Segment>;

    /// A reader is done with a segment.
    void leave(Segment& segment);
    [[nodiscard]] Shared find(std::uint64_t offset) const;
    [[nodiscard]] Shared demand(Lock& lock, std::uint64_t offset, std::size_t wanted);
    /// Asks for what a read of `wanted` bytes from `offset` on needs after `from`, and what the next ones will.
    /// `goes_on`: it begins in a segment that was there before.
    void fetch_ahead(const Segment& from, std::uint64_t offset, std::size_t wanted, bool goes_on);
    /// The size of a segment for so many bytes.
    [[nodiscard]] std::size_t fitting(std::uint64_t bytes) const noexcept;
    /// A new segment with the byte `offset`, as large as `step` or what is `needed` at once.
    [[nodiscard]] Shared plan(std::uint64_t offset, std::size_t step, std::size_t needed) const;
    void add(const Shared& segment, bool is_urgent);
    /// Throws idle segments away until a new one fits; only those that `may_go`.
    template <class MayGo>
    [[nodiscard]] bool make_room(std::size_t bytes, const MayGo& may_go);
    void remove(const Segment& segment);

    const std::uint64_t size_;
    const CacheSizes sizes_;
    const std::string name_;
    const Start start_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, Shared> segments_; // by where they begin; they do not overlap
    std::vector<AlignedBuffer> spare_;         // of the largest size: making new ones costs as much as filling them
    std::size_t held_ = 0;
    std::size_t most_held_ = 0;
    std::uint64_t clock_ = 0;
};

} // namespace weightseal::remote
