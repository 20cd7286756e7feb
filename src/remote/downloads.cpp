#include "remote/downloads.hpp"

#include "remote/curl.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace weightseal::remote {
namespace {

using Clock = std::chrono::steady_clock;

struct Waiting {
    std::shared_ptr<Download> download;
    Clock::time_point from{};
};

// A handle with what it is at work on.
struct Slot {
    Easy easy;
    HeaderList headers;
    std::shared_ptr<Download> download; // empty: the slot is free
    std::array<char, CURL_ERROR_SIZE> message{};
};

std::size_t on_head(char* data, std::size_t, std::size_t size, void* download) {
    return static_cast<Download*>(download)->head({data, size}) ? size : 0;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* download) {
    return static_cast<Download*>(download)->body(as_bytes({data, size})) ? size : 0;
}

} // namespace

class Downloads::Loop {
  public:
    explicit Loop(const HttpOptions& options) : multi_(make_multi(options)), slots_(options.connections) {
        for (Slot& slot : slots_) {
            slot.easy = make_easy(options);
            CURL* const easy = slot.easy.get();
            curl_easy_setopt(easy, CURLOPT_PRIVATE, static_cast<void*>(&slot));
            curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
            curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot.message.data());
        }
    }

    ~Loop() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        curl_multi_wakeup(multi_.get());
        if (thread_.joinable()) thread_.join();
        for (Slot& slot : slots_)
            if (slot.download) curl_multi_remove_handle(multi_.get(), slot.easy.get());
    }

    void add(std::shared_ptr<Download> download, bool is_urgent) {
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); }); // it waits for the lock
        waiting_.insert(is_urgent ? waiting_.begin() : waiting_.end(), Waiting{std::move(download), {}});
        curl_multi_wakeup(multi_.get());
    }

  private:
    void run() {
        for (;;) {
            const int patience = start_waiting();
            if (patience < 0) return;
            int running = 0;
            curl_multi_perform(multi_.get(), &running);
            if (!take_ended()) curl_multi_poll(multi_.get(), nullptr, 0, patience, nullptr);
        }
    }

    // Gives free slots something to do. Milliseconds after which there may be more to start, or -1: the end.
    int start_waiting() {
        constexpr int long_time = 60'000;
        for (;;) {
            Waiting next;
            Slot* const slot = free_slot();
            {
                const std::lock_guard lock(mutex_);
                if (stopping_) return -1;
                if (slot == nullptr || waiting_.empty()) return long_time;
                const auto now = Clock::now();
                const auto ready = std::ranges::find_if(waiting_, [&](const Waiting& w) { return w.from <= now; });
                if (ready == waiting_.end()) {
                    const auto first = std::ranges::min(waiting_, {}, &Waiting::from).from;
                    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(first - now).count());
                }
                next = std::move(*ready);
                waiting_.erase(ready);
            }
            start(*slot, std::move(next.download));
        }
    }

    Slot* free_slot() {
        const auto found = std::ranges::find_if(slots_, [](const Slot& slot) { return !slot.download; });
        return found == slots_.end() ? nullptr : &*found;
    }

    void start(Slot& slot, std::shared_ptr<Download> download) noexcept {
        try {
            slot.message.front() = '\0';
            slot.headers = set_request(slot.easy.get(), download->request());
            curl_easy_setopt(slot.easy.get(), CURLOPT_HEADERDATA, static_cast<void*>(download.get()));
            curl_easy_setopt(slot.easy.get(), CURLOPT_WRITEDATA, static_cast<void*>(download.get()));
            if (curl_multi_add_handle(multi_.get(), slot.easy.get()) != CURLM_OK)
                throw Error(Errc::internal, "libcurl", "does not take a request");
            slot.download = std::move(download);
        } catch (const Error& error) {
            download->give_up({error.errc(), error.what()});
        } catch (const std::exception& error) {
            download->give_up({Errc::internal, error.what()});
        }
    }

    // Ends the attempts that are over; whether there were any.
    bool take_ended() {
        bool any = false;
        int left = 0;
        while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            any = true;
            const CURLcode code = message->data.result;
            void* owner = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
            Slot& slot = *static_cast<Slot*>(owner);
            curl_multi_remove_handle(multi_.get(), slot.easy.get());
            end(std::move(slot.download),
                code == CURLE_OK ? std::nullopt : std::optional(failure_of(code, slot.message.data())));
            slot.download.reset();
        }
        return any;
    }

    void end(std::shared_ptr<Download> download, const std::optional<Failure>& transport) {
        const auto delay = download->end(transport);
        if (!delay) return;
        const std::lock_guard lock(mutex_);
        waiting_.push_front({std::move(download), Clock::now() + *delay});
    }

    Multi multi_;
    std::vector<Slot> slots_; // of the thread alone, once it runs
    std::mutex mutex_;
    std::deque<Waiting> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

Downloads::Downloads(const HttpOptions& options) : loop_(std::make_unique<Loop>(options)) {}
Downloads::~Downloads() = default;

void Downloads::add(std::shared_ptr<Download> download, bool is_urgent) {
    loop_->add(std::move(download), is_urgent);
}

} // namespace weightseal::remote
