// The cache of a remote object: what is fetched, how far ahead, and never more than its memory.

#include "remote/segment_cache.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <thread>

using namespace weightseal;
using namespace weightseal::remote;
using namespace weightseal::testing;

namespace {

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;

// Of one odd block over and over: wrong places show, and it takes no time under sanitizers.
Data made(std::size_t size) {
    static const Data block = patterned(100'003, 3);
    Data data;
    data.reserve(size);
    while (data.size() < size)
        data.insert(data.end(), block.begin(),
                    block.begin() + static_cast<std::ptrdiff_t>(std::min(block.size(), size - data.size())));
    return data;
}

/// A cache over an object in memory, and what it asked for.
class Fixture {
  public:
    struct Asked {
        std::uint64_t begin;
        std::size_t size;
        bool is_urgent;
    };

    Fixture(std::size_t object_size, const CacheSizes& sizes)
        : object_(made(object_size)), cache_(object_size, sizes, "object", [this](const auto& segment, bool is_urgent) {
              const std::lock_guard lock(mutex_);
              asked_.push_back({segment->begin, segment->size, is_urgent});
              waiting_.push_back(segment);
          }) {}

    /// Brings what was asked for, until the end; in two parts each. Fails every `failing`th.
    void serve(unsigned failing = 0) {
        for (unsigned count = 1; !ended_;) {
            std::shared_ptr<Segment> next;
            {
                const std::lock_guard lock(mutex_);
                if (!waiting_.empty()) {
                    next = waiting_.front();
                    waiting_.pop_front();
                }
            }
            if (!next) {
                std::this_thread::yield();
                continue;
            }
            const auto copy = [&](std::size_t from, std::size_t to) {
                std::copy_n(object_.data() + next->begin + from, to - from, next->buffer.data() + from);
            };
            copy(0, next->size / 2);
            cache_.received(*next, next->size / 2);
            if (failing != 0 && count++ % failing == 0) {
                cache_.failed(*next, {Errc::server_unreachable, "lost"});
                continue;
            }
            copy(next->size / 2, next->size);
            cache_.received(*next, next->size);
        }
    }

    /// Whether the bytes are those of the object.
    bool reads(std::uint64_t offset, std::size_t size) {
        Data to(size);
        cache_.read(offset, to);
        return std::memcmp(to.data(), object_.data() + offset, size) == 0;
    }

    std::vector<Asked> asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

    Data object_;
    SegmentCache cache_;
    std::atomic<bool> ended_ = false;

  private:
    std::mutex mutex_;
    std::vector<Asked> asked_;
    std::deque<std::shared_ptr<Segment>> waiting_;
};

/// Serves in a thread of its own.
struct Server {
    explicit Server(Fixture& fixture, unsigned failing = 0)
        : fixture_(fixture), thread_([&fixture, failing] { fixture.serve(failing); }) {}
    ~Server() {
        fixture_.ended_ = true;
        thread_.join();
    }
    Fixture& fixture_;
    std::thread thread_;
};

std::size_t total(const std::vector<Fixture::Asked>& asked) {
    std::size_t sum = 0;
    for (const auto& one : asked)
        sum += one.size;
    return sum;
}

} // namespace

TEST_CASE("segment cache: sequential reading grows and goes ahead, and fetches each byte once") {
    const std::size_t step = GENERATE(64 * KiB, 100 * KiB, 256 * KiB, 700 * KiB);
    CAPTURE(step);
    const CacheSizes sizes = CacheSizes::within(16 * MiB);
    Fixture fixture(40 * MiB + 5, sizes);
    const Server server(fixture);
    for (std::size_t at = 0; at < fixture.object_.size(); at += step)
        REQUIRE(fixture.reads(at, std::min(step, fixture.object_.size() - at)));
    const auto asked = fixture.asked();
    CHECK(std::ranges::max(asked, {}, &Fixture::Asked::size).size == 2 * MiB);
    CHECK(std::ranges::count(asked, true, &Fixture::Asked::is_urgent) < 4);
    CHECK(total(asked) == fixture.object_.size());
    CHECK(fixture.cache_.most_held() <= sizes.memory);
}

TEST_CASE("segment cache: slices here and there fetch little more than themselves") {
    Fixture fixture(64 * MiB, CacheSizes::within(16 * MiB));
    const Server server(fixture);
    for (std::size_t i = 0; i < 20; ++i)
        REQUIRE(fixture.reads((i * 7 % 20) * 3 * MiB + 1000, 5000));
    CHECK(total(fixture.asked()) == 20 * 256 * KiB);
    REQUIRE(fixture.reads(1000, 5000)); // it is still there
    CHECK(fixture.asked().size() == 20);
}

TEST_CASE("segment cache: a long read is fetched in parts at once") {
    Fixture fixture(64 * MiB, CacheSizes::within(64 * MiB));
    const Server server(fixture);
    REQUIRE(fixture.reads(3 * MiB + 7, 30 * MiB));
    CHECK(std::ranges::count(fixture.asked(), true, &Fixture::Asked::is_urgent) == 1);
    CHECK(total(fixture.asked()) < 34 * MiB);
}

TEST_CASE("segment cache: many readers get the right bytes within the memory") {
    CacheSizes sizes{.smallest = 4 * KiB, .largest = 64 * KiB, .ahead = 192 * KiB, .memory = 256 * KiB};
    Fixture fixture(4 * MiB + 77, sizes);
    const Server server(fixture);
    std::atomic<bool> all_right = true;
    {
        std::vector<std::jthread> readers;
        for (unsigned reader = 0; reader < 6; ++reader)
            readers.emplace_back([&, reader] {
                std::mt19937 engine(reader);
                for (int i = 0; i < 300; ++i) {
                    // Half of them read on, the others jump.
                    const std::size_t size = 1 + engine() % (40 * KiB);
                    const std::size_t at =
                        reader % 2 == 0 ? static_cast<std::size_t>(i) * 10 * KiB : engine() % (4 * MiB - 40 * KiB);
                    if (!fixture.reads(at, size)) all_right = false;
                }
            });
    }
    CHECK(all_right);
    CHECK(fixture.cache_.most_held() <= sizes.memory);
    CHECK(fixture.cache_.most_held() > sizes.memory / 2);
}

TEST_CASE("segment cache: a failure reaches who waits, and the next one asks again") {
    CacheSizes sizes{.smallest = 4 * KiB, .largest = 64 * KiB, .ahead = 192 * KiB, .memory = 256 * KiB};
    Fixture fixture(MiB, sizes);
    const Server server(fixture, 2);
    unsigned failures = 0;
    for (std::size_t at = 0; at < MiB;) {
        bool is_right = true;
        const std::string result = refusal([&] { is_right = fixture.reads(at, 4 * KiB); });
        REQUIRE(is_right);
        if (result == "nothing refused")
            at += 4 * KiB;
        else {
            REQUIRE(result == "server_unreachable at " + std::to_string(at));
            ++failures;
        }
    }
    CHECK(failures > 0);
    CHECK(fixture.cache_.most_held() <= sizes.memory);
}

namespace {

/// A cache whose downloads are made by the reader itself, as soon as it asks for them.
struct Immediate {
    std::function<void(Segment& segment, bool is_urgent)> start;
    Data object = made(MiB);
    unsigned started = 0;
    SegmentCache cache{object.size(),
                       {.smallest = 4 * KiB, .largest = 64 * KiB, .ahead = 192 * KiB, .memory = 256 * KiB},
                       "object",
                       [this](const auto& segment, bool is_urgent) {
                           ++started;
                           start(*segment, is_urgent);
                       }};

    void bring(Segment& segment, std::size_t size) const {
        std::copy_n(object.data() + segment.begin, size, segment.buffer.data());
        segment.received = size;
    }
    bool reads(std::uint64_t offset, std::size_t size) {
        Data to(size);
        cache.read(offset, to);
        return std::memcmp(to.data(), object.data() + offset, size) == 0;
    }
};

} // namespace

TEST_CASE("segment cache: a segment that fails while its last reader copies is asked for again") {
    Immediate fixture;
    Segment* second = nullptr;
    fixture.start = [&](Segment& segment, bool is_urgent) {
        if (is_urgent) {
            fixture.bring(segment, segment.size);
            if (segment.begin == 4 * KiB && second == nullptr) {
                second = &segment;
                segment.received = 0;
            }
        } else if (second != nullptr && second->received == 0) { // the reader of the second asks for the third
            fixture.bring(*second, 2 * KiB);
            second->failure = Failure{Errc::server_unreachable, "lost"};
        }
    };
    REQUIRE(fixture.reads(0, KiB));
    REQUIRE(fixture.reads(4 * KiB, KiB));
    REQUIRE(second != nullptr);
    const unsigned before = fixture.started;
    CHECK(fixture.reads(7 * KiB, KiB));
    CHECK(fixture.started > before);
}

TEST_CASE("segment cache: what cannot be started is asked for again") {
    Immediate fixture;
    fixture.start = [](Segment&, bool) { throw Error(Errc::out_of_memory, "test", "no memory"); };
    CHECK(refusal([&] { (void)fixture.reads(0, KiB); }) == "out_of_memory");
    fixture.start = [&](Segment& segment, bool is_urgent) {
        if (!is_urgent) throw Error(Errc::out_of_memory, "test", "no memory");
        fixture.bring(segment, segment.size);
    };
    for (std::size_t at = 0; at < fixture.object.size(); at += 50 * KiB) // and none is fetched ahead
        REQUIRE(fixture.reads(at, std::min(50 * KiB, fixture.object.size() - at)));
}
