#include "container/reader.hpp"

#include "io/work.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <mutex>

namespace weightseal::container {
namespace {

// A claim is what a worker takes at once: long enough that each worker faults whole huge pages of its own.
constexpr std::uint64_t claim_bytes = 2 << 20;
// Scratch of all workers together.
constexpr std::uint64_t max_scratch = 32 << 20;

struct Piece {
    const Target* target;
    std::size_t position; // of the target
    std::uint64_t chunk;
    ChunkSpan span;
    [[nodiscard]] std::uint64_t body_begin() const { return target->view.grid().offset + span.begin; }
    [[nodiscard]] std::uint64_t body_end() const { return target->view.grid().offset + span.end; }
};

// Hands out the chunks of all targets, in the order of the file, without ever listing them all.
class Cursor {
  public:
    explicit Cursor(const std::vector<Target>& targets) : targets_(targets) {}

    void claim(std::vector<Piece>& pieces) {
        pieces.clear();
        const std::lock_guard lock(mutex_);
        for (std::uint64_t bytes = 0; position_ < targets_.size() && bytes < claim_bytes;) {
            const View& view = targets_[position_].view;
            chunk_ = view.next_chunk(chunk_);
            if (chunk_ == view.grid().chunk_count()) {
                ++position_;
                chunk_ = 0;
                continue;
            }
            pieces.push_back({&targets_[position_], position_, chunk_, view.grid().chunk(chunk_)});
            bytes += pieces.back().span.size();
            ++chunk_;
        }
    }

  private:
    const std::vector<Target>& targets_;
    std::mutex mutex_;
    std::size_t position_ = 0;
    std::uint64_t chunk_ = 0;
};

// Pieces from `first` on that one read can fetch: within a cell, with no more than a gap between them.
std::size_t batch_end(const std::vector<Piece>& pieces, std::size_t first, unsigned chunk_log2) {
    std::size_t end = first + 1;
    while (end < pieces.size() && pieces[end].body_begin() >> chunk_log2 == pieces[first].body_begin() >> chunk_log2 &&
           pieces[end].body_begin() >= pieces[end - 1].body_end() &&
           pieces[end].body_begin() - pieces[end - 1].body_end() <= layout::max_gap)
        ++end;
    return end;
}

class Reading {
  public:
    Reading(const Source& source, const std::vector<Target>& targets, const ReadOptions& options, const Sink& sink)
        : source_(source), targets_(targets), options_(options), sink_(sink), cursor_(targets), left_(targets.size()) {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const View& view = targets[i].view;
            left_[i].store(view.bytes(), std::memory_order_relaxed);
            total_ += view.bytes();
            needs_plain_ |= view.bytes() != view.entry().length;
        }
        needs_plain_ |= options.staged || sink;
    }

    void run() {
        for (const Target& target : targets_)
            if (target.view.bytes() == 0) finish(target);
        const std::uint64_t scratch = (std::uint64_t{1} << source_.chunk_log2) * (needs_plain_ ? 2 : 1);
        const std::uint64_t workers = std::min(max_scratch / scratch, total_ / claim_bytes + 1);
        io::Work work(options_.hooks, total_);
        work.run(options_.parallel, workers, [&](std::size_t) {
            Worker worker(*this);
            for (;;) {
                cursor_.claim(worker.pieces);
                if (worker.pieces.empty()) return;
                for (std::size_t first = 0; first < worker.pieces.size();) {
                    if (!work.goes_on()) return;
                    const std::size_t end = batch_end(worker.pieces, first, source_.chunk_log2);
                    work.advance(read_batch(worker, first, end));
                    first = end;
                }
            }
        });
    }

  private:
    struct Worker {
        explicit Worker(const Reading& reading)
            : ciphertext(std::size_t{1} << reading.source_.chunk_log2, {}),
              plain(reading.needs_plain_ ? ciphertext.size() : 0, {.wipe = true}),
              cipher(reading.source_.keys, crypto::Direction::decrypt) {}
        AlignedBuffer ciphertext;
        AlignedBuffer plain;
        EntryCipher cipher;
        std::vector<Piece> pieces;
    };

    std::uint64_t read_batch(Worker& worker, std::size_t first, std::size_t end) {
        const std::uint64_t begin = worker.pieces[first].body_begin();
        const MutableBytes fetched = worker.ciphertext.bytes().first(worker.pieces[end - 1].body_end() - begin);
        source_.file.read_at(source_.body_offset + begin, fetched);
        std::uint64_t done = 0;
        for (std::size_t i = first; i < end; ++i) {
            const Piece& piece = worker.pieces[i];
            const Bytes chunk = fetched.subspan(piece.body_begin() - begin, piece.span.size());
            decrypt_chunk(worker.cipher, source_, *piece.target, piece.chunk, chunk, worker.plain.bytes(),
                          options_.staged);
            std::uint64_t delivered = 0;
            piece.target->view.for_each_run(piece.span, [&](std::uint64_t from, std::uint64_t, std::uint64_t size) {
                if (sink_) sink_(*piece.target, from, worker.plain.bytes().subspan(from - piece.span.begin, size));
                delivered += size;
            });
            done += delivered;
            if (left_[piece.position].fetch_sub(delivered, std::memory_order_acq_rel) == delivered)
                finish(*piece.target);
        }
        return done;
    }

    void finish(const Target& target) const {
        if (options_.on_tensor) options_.on_tensor(target.selection, {target.destination, target.view.bytes()});
    }

    const Source& source_;
    const std::vector<Target>& targets_;
    const ReadOptions& options_;
    const Sink& sink_;
    Cursor cursor_;
    std::vector<std::atomic<std::uint64_t>> left_; // bytes of each target not delivered yet
    std::uint64_t total_ = 0;
    bool needs_plain_ = false;
};

} // namespace

void decrypt_chunk(EntryCipher& cipher, const Source& source, const Target& target, std::uint64_t chunk,
                   Bytes ciphertext, MutableBytes plain, bool staged) {
    const Entry& entry = target.view.entry();
    const ChunkSpan span = target.view.grid().chunk(chunk);
    std::uint64_t at = 0;
    const bool direct = !staged && target.destination != nullptr && target.view.covers(span, at);
    std::byte* const to = direct ? target.destination + at : plain.data();
    if (!cipher.of(entry.ordinal, entry.record).decrypt({chunk}, ciphertext, to, source.index.tag(entry, chunk))) {
        std::fill_n(to, span.size(), std::byte{0});
        throw Error(Errc::corrupt_data, source.file.name(),
                    fmt::format("{} '{}' was altered: the tag of its chunk {} is wrong",
                                entry.kind == EntryKind::file ? "the file entry" : "the tensor", entry.name, chunk),
                    source.body_offset + target.view.grid().offset + span.begin);
    }
    if (direct || target.destination == nullptr) return;
    target.view.for_each_run(span, [&](std::uint64_t from, std::uint64_t destination, std::uint64_t size) {
        std::memcpy(target.destination + destination, to + (from - span.begin), size);
    });
}

void read_targets(const Source& source, std::vector<Target> targets, const ReadOptions& options, const Sink& sink) {
    std::stable_sort(targets.begin(), targets.end(),
                     [](const Target& a, const Target& b) { return a.view.grid().offset < b.view.grid().offset; });
    try {
        Reading(source, targets, options, sink).run();
    } catch (...) {
        for (const Target& target : targets)
            if (target.destination != nullptr) std::fill_n(target.destination, target.view.bytes(), std::byte{0});
        throw;
    }
}

} // namespace weightseal::container
