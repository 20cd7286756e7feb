#include "remote/ranged_source.hpp"

#include "platform/process.hpp"
#include "remote/opening.hpp"
#include "remote/segment_cache.hpp"
#include "weightseal/core/error.hpp"

#include <atomic>
#include <utility>

namespace weightseal::remote {
namespace {

constexpr std::uint64_t least_memory = std::uint64_t{16} << 20;
constexpr unsigned most_connections = 64;

void check(const HttpOptions& options) {
    const auto require = [](bool ok, const char* what) {
        if (!ok) throw Error(Errc::invalid_argument, "HttpOptions", what);
    };
    require(options.connections >= 1 && options.connections <= most_connections, "connections is not 1 to 64");
    require(options.memory >= least_memory, "memory is less than 16 MiB");
    require(options.connect_timeout.count() > 0 && options.stall_timeout.count() > 0, "a time-out is not positive");
    require(options.retry_delay.count() >= 0 && options.retry_time.count() >= 0, "a time is negative");
}

// A segment on its way.
class SegmentDownload final : public RangeSink, public RangeDownload {
  public:
    SegmentDownload(const Origin& origin, SegmentCache& cache, std::shared_ptr<Segment> segment)
        : RangeDownload(origin, segment->begin, segment->buffer.bytes(), *this), cache_(cache),
          segment_(std::move(segment)) {}

    void received(std::size_t bytes) noexcept override { cache_.received(*segment_, bytes); }
    void finished() noexcept override { cache_.received(*segment_, segment_->size); }
    void failed(const Failure& failure) noexcept override { cache_.failed(*segment_, failure); }

  private:
    SegmentCache& cache_;
    const std::shared_ptr<Segment> segment_;
};

// What one process has of a source: the object with its credentials, connections, a thread and what they brought.
struct Session {
    Session(Origin own_origin, std::unique_ptr<Downloads> own_downloads)
        : process(platform::process_id()), origin(std::move(own_origin)),
          cache(origin.pin.size, CacheSizes::within(origin.options.memory), origin.object->name(),
                [this](const std::shared_ptr<Segment>& segment, bool is_urgent) {
                    downloads->add(std::make_shared<SegmentDownload>(origin, cache, segment), is_urgent);
                }),
          downloads(std::move(own_downloads)) {}

    const int process;
    const Origin origin;
    SegmentCache cache;
    std::unique_ptr<Downloads> downloads; // ends before the cache
};

std::unique_ptr<Session> open_session(std::shared_ptr<const RemoteObject> object, const HttpOptions& options) {
    Origin origin{std::move(object), options, {}};
    auto downloads = std::make_unique<Downloads>(options);
    origin.object->prepare();
    Opened opened = open_object(origin, *downloads, CacheSizes::within(options.memory).smallest);
    origin.pin = std::move(opened.pin);
    auto session = std::make_unique<Session>(std::move(origin), std::move(downloads));
    session->cache.put_first(std::move(opened.first));
    return session;
}

class RangedSource final : public ByteSource {
  public:
    explicit RangedSource(std::unique_ptr<Session> session)
        : size_(session->origin.pin.size), name_(session->origin.object->name()), session_(session.release()) {}

    ~RangedSource() override {
        Session* const session = session_;
        if (session->process == platform::process_id()) delete session;
    }

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] const std::string& name() const override { return name_; }

    void read_at(std::uint64_t offset, MutableBytes to) const override {
        std::uint64_t end = 0;
        if (!checked_add(offset, to.size(), end) || end > size_)
            throw Error(Errc::source_changed, name_, "ends before the bytes asked for", offset);
        Session& own = session();
        own.origin.object->prepare();
        own.cache.read(offset, to);
    }

  private:
    // In a child of fork the thread is gone, and the parent's connections and locks are not ours to touch: what the
    // child has of them is left as it is. What does not change after the start may be read.
    [[nodiscard]] Session& session() const {
        Session* current = session_;
        if (current->process == platform::process_id()) return *current;
        const Origin& before = current->origin;
        auto fresh = std::make_unique<Session>(Origin{before.object->fresh(), before.options, before.pin},
                                               std::make_unique<Downloads>(before.options));
        if (!session_.compare_exchange_strong(current, fresh.get())) return *current;
        return *fresh.release();
    }

    const std::uint64_t size_;
    const std::string name_;
    mutable std::atomic<Session*> session_;
};

} // namespace

std::shared_ptr<const ByteSource> ranged_source(std::shared_ptr<const RemoteObject> object,
                                                const HttpOptions& options) {
    check(options);
    return std::make_shared<RangedSource>(open_session(std::move(object), options));
}

} // namespace weightseal::remote
