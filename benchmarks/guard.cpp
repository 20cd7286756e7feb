// Measures the guard: checks a second, one thread and two, with and without the wait for memory; how long the slowest
// take; memory; a flood; shared memory. Prints one JSON object a line. `bench_guard
// [speed|latency|memory|flood|shared]…`; all unless told.

#include "weightseal/guard/guard.hpp"
#include "platform/robust_mutex.hpp"
#include "weightseal/core/aligned_buffer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace weightseal;
using std::chrono::nanoseconds;

constexpr std::size_t client_count = 1'000'000;
constexpr std::size_t ahead = 16; // requests that have arrived and are not checked yet
constexpr int rounds = 7;         // of all contestants in turn
constexpr std::size_t latency_checks = 5'000'000;
constexpr nanoseconds noon{1'790'000'000'000'000'000};
constexpr nanoseconds pace{100}; // between checks, in the guard's time

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Limits limits_of(std::uint32_t windows) {
    Limits limits;
    limits.capacity = client_count;
    limits.limits.clear();
    for (std::uint32_t i = 0; i < windows; ++i)
        limits.limits.push_back({.limit = 1'000'000, .window = 3600 * (i + 1)});
    return limits;
}

using Name = std::array<char, 24>; // as long as API keys are, without their prefix

Name name_of(std::uint64_t number) {
    Name name;
    name.fill('k');
    for (std::size_t i = 0; i < 16; ++i)
        name[i] = "0123456789abcdef"[number >> (4 * i) & 15];
    return name;
}

ClientKey identify(const Guard& guard, const Name& name) {
    Client client;
    client.name = std::string_view(name.data(), name.size());
    return guard.identify(client);
}

/// Clients in an order that no processor guesses.
std::vector<Name> make_names() {
    std::vector<Name> names;
    for (std::uint64_t i = 0; i < client_count; ++i)
        names.push_back(name_of(i * 0x9E3779B97F4A7C15));
    std::ranges::shuffle(names, std::mt19937_64(1));
    return names;
}

std::vector<ClientKey> identify_all(const Guard& guard, const std::vector<Name>& names) {
    std::vector<ClientKey> keys;
    for (const Name& name : names)
        keys.push_back(identify(guard, name));
    return keys;
}

void must_admit(const Decision& decision) {
    if (!decision.allowed) throw std::runtime_error("a client was refused");
}

/// A clock that costs nothing.
class Now {
  public:
    nanoseconds next() noexcept { return now_ += pace; }

  private:
    nanoseconds now_ = noon;
};

// ---- Speed ----------------------------------------------------------------------------------------------------------

class Speed {
  public:
    explicit Speed(std::uint32_t windows)
        : windows_(windows), guard_(limits_of(windows)), names_(make_names()), keys_(identify_all(guard_, names_)),
          lines_(client_count * 7 / 4 * 64, {}) {
        std::ranges::fill(lines_.bytes(), std::byte{0}); // so that its pages are there
        check(0, client_count);                          // everybody has a place
    }

    void measure() {
        const std::array<std::pair<const char*, std::function<void()>>, 7> contestants{{
            {"memory", [&] { touch_lines(); }},
            {"identify", [&] { identify(); }},
            {"check", [&] { check(0, client_count); }},
            {"check_ahead", [&] { check_ahead(0, client_count); }},
            {"identify_and_check", [&] { identify_and_check(); }},
            {"two_threads", [&] { in_two_threads([&](auto from, auto to) { check(from, to); }); }},
            {"two_threads_ahead", [&] { in_two_threads([&](auto from, auto to) { check_ahead(from, to); }); }},
        }};
        std::array<std::vector<double>, contestants.size()> seconds;
        for (int round = 0; round < rounds; ++round)
            for (std::size_t i = 0; i < contestants.size(); ++i)
                seconds[i].push_back(seconds_of(contestants[i].second));
        for (std::size_t i = 0; i < contestants.size(); ++i) {
            std::printf("{\"job\": \"speed\", \"windows\": %u, \"what\": \"%s\", \"seconds\": [", windows_,
                        contestants[i].first);
            for (std::size_t round = 0; round < seconds[i].size(); ++round)
                std::printf("%s%.6f", round == 0 ? "" : ", ", seconds[i][round]);
            std::printf("], \"operations\": %zu}\n", client_count);
        }
        std::fflush(stdout);
    }

  private:
    /// The yardstick: one line of the same memory after the other, each of which says where the next one is.
    void touch_lines() {
        std::uint64_t next = 0;
        for (const ClientKey& key : keys_) {
            const std::uint64_t line = ((key.hashes[0] >> 32) * (lines_.size() / 64) >> 32) + next;
            auto* const at = reinterpret_cast<std::uint64_t*>(lines_.data() + line * 64);
            next = *at; // 0, but nobody knows before it is there
            *at = next;
        }
        sum_ += next;
    }

    void identify() {
        for (const Name& name : names_)
            sum_ += ::identify(guard_, name).hashes[0];
    }

    void check(std::size_t from, std::size_t to) {
        Now now;
        for (std::size_t i = from; i < to; ++i)
            must_admit(guard_.check(keys_[i], {}, now.next()));
    }

    /// As servers do with requests that wait: their clients' counts are on the way before they are checked.
    void check_ahead(std::size_t from, std::size_t to) {
        Now now;
        for (std::size_t i = from; i < to; ++i) {
            guard_.prefetch(keys_[std::min(i + ahead, to - 1)]);
            must_admit(guard_.check(keys_[i], {}, now.next()));
        }
    }

    void identify_and_check() {
        Now now;
        for (const Name& name : names_)
            must_admit(guard_.check(::identify(guard_, name), {}, now.next()));
    }

    static void in_two_threads(const std::function<void(std::size_t, std::size_t)>& work) {
        std::thread other([&] { work(0, client_count / 2); });
        work(client_count / 2, client_count);
        other.join();
    }

    std::uint32_t windows_;
    Guard guard_;
    std::vector<Name> names_;
    std::vector<ClientKey> keys_;
    AlignedBuffer lines_;
    std::atomic<std::uint64_t> sum_ = 0; // so that nobody leaves the work out
};

void measure_speed() {
    Speed(1).measure();
    Speed(3).measure();
}

// ---- Latency --------------------------------------------------------------------------------------------------------

/// Checks one by one, each between two looks at the clock, while another thread checks as fast as it can.
void measure_latency() {
    Guard guard(limits_of(1));
    const std::vector<ClientKey> keys = identify_all(guard, make_names());
    std::atomic<bool> done = false;
    std::thread other([&] {
        Now now;
        for (std::size_t i = 0; !done.load(std::memory_order_relaxed); ++i)
            must_admit(guard.check(keys[i % client_count], {}, now.next()));
    });
    std::vector<std::int64_t> times;
    times.reserve(latency_checks);
    Now now;
    for (std::size_t i = 0; i < latency_checks; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        must_admit(guard.check(keys[(i * 7 + client_count / 2) % client_count], {}, now.next()));
        times.push_back((std::chrono::steady_clock::now() - begin).count());
    }
    done = true;
    other.join();
    std::ranges::sort(times);
    const auto percentile = [&](double share) {
        return static_cast<double>(times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]) /
               1e3;
    };
    std::printf(
        "{\"job\": \"latency\", \"checks\": %zu, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"p9999\": %.3f}\n",
        latency_checks, percentile(0.5), percentile(0.99), percentile(0.999), percentile(0.9999));
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

std::uint64_t resident() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0, pages = 0;
    file >> size >> pages;
    return pages * 4096;
}

void measure_memory() {
    for (const std::uint32_t windows : {1U, 2U, 3U, 4U}) {
        const std::uint64_t before = resident();
        Guard guard(limits_of(windows));
        for (const Name& name : make_names())
            must_admit(guard.check(identify(guard, name), {}, noon));
        std::printf(
            "{\"job\": \"memory\", \"windows\": %u, \"reserved\": %zu, \"resident\": %llu, \"evicted\": %llu}\n",
            windows, guard.memory(), static_cast<unsigned long long>(resident() - before),
            static_cast<unsigned long long>(guard.counters().evicted));
    }
}

// ---- Flood ----------------------------------------------------------------------------------------------------------

/// Ten million clients with one query each, after one that has used its limit up.
void measure_flood() {
    constexpr std::uint64_t flood = 10'000'000;
    Limits limits = limits_of(1);
    limits.limits[0].limit = 500;
    Guard guard(limits);
    const ClientKey heavy = identify(guard, name_of(UINT64_MAX));
    Now now;
    for (int i = 0; i < 500; ++i)
        must_admit(guard.check(heavy, {}, now.next()));
    std::uint64_t refused = 0;
    const double seconds = seconds_of([&] {
        for (std::uint64_t i = 0; i < flood; ++i)
            refused += !guard.check(identify(guard, name_of(i * 0x9E3779B97F4A7C15 + 1)), {}, now.next()).allowed;
    });
    const GuardCounters counters = guard.counters();
    std::printf("{\"job\": \"flood\", \"clients\": %llu, \"seconds\": %.3f, \"refused\": %llu, \"evicted\": %llu, "
                "\"heavy_refused\": %s}\n",
                static_cast<unsigned long long>(flood), seconds, static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(counters.evicted),
                guard.check(heavy, {}, now.next()).allowed ? "false" : "true");
}

// ---- Shared memory --------------------------------------------------------------------------------------------------

/// How long `work` takes when a process of the same size that did nothing but `dying` is killed: from the signal on, or
/// once the system has ended the process.
double seconds_after_kill(const std::function<void()>& dying, const std::function<void()>& work, bool gone) {
    static std::mt19937 random(1);
    const pid_t process = fork();
    if (process == 0)
        for (;;)
            dying();
    // Who works beside it would mostly measure how its lock is shared; so nobody does until it is killed.
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 1000));
    if (gone) {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
        return seconds_of(work);
    }
    const double seconds = seconds_of([&] {
        kill(process, SIGKILL);
        work();
    });
    waitpid(process, nullptr, 0);
    return seconds;
}

/// A lock between processes.
platform::RobustMutex& make_lock() {
    void* const memory =
        mmap(nullptr, sizeof(platform::RobustMutex), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory between processes");
    return *new (memory) platform::RobustMutex;
}

/// A check in shared memory beside one in the process's own. Then what it costs the others that a process is killed: a
/// check of the client that it checked; the same of a bare lock around a check in the process's own memory, which is
/// what the system takes; a check that finds it gone and repairs the counts; and one that has nothing to repair.
void measure_shared() {
    const std::filesystem::path path = "/dev/shm/weightseal-benchmark-" + std::to_string(getpid());
    Limits limits = limits_of(1);
    limits.limits[0].limit = max_limit;
    const Secret secret = Secret::random();
    Guard own(limits, secret), shared = Guard::open_shared(path, limits, secret);
    std::filesystem::remove(path);
    const std::vector<ClientKey> keys = identify_all(own, make_names());
    std::array<std::vector<double>, 2> seconds;
    for (int round = 0; round < rounds; ++round)
        for (Guard* const guard : {&own, &shared})
            seconds[guard == &shared].push_back(seconds_of([&] {
                Now now;
                for (const ClientKey& key : keys)
                    must_admit(guard->check(key, {}, now.next()));
            }));
    platform::RobustMutex& lock = make_lock();
    const auto check = [&] { must_admit(shared.check(keys[0], {}, noon)); };
    const auto check_own = [&] {
        if (lock.lock()) lock.set_repaired();
        must_admit(own.check(keys[0], {}, noon));
        lock.unlock();
    };
    std::array<std::vector<double>, 4> kills;
    for (int round = 0; round < 300; ++round) {
        kills[0].push_back(seconds_after_kill(check, check, false));
        kills[1].push_back(seconds_after_kill(check_own, check_own, false));
        kills[2].push_back(seconds_after_kill(check, check, true));
        kills[3].push_back(seconds_after_kill(pause, check, true));
    }
    std::ranges::for_each(seconds, std::ranges::sort);
    std::printf("{\"job\": \"shared\", \"own_ns\": %.1f, \"shared_ns\": %.1f, \"kills\": %zu",
                seconds[0][rounds / 2] / client_count * 1e9, seconds[1][rounds / 2] / client_count * 1e9,
                kills[0].size());
    for (std::size_t i = 0; i < kills.size(); ++i) {
        std::vector<double>& each = kills[i];
        std::ranges::sort(each);
        std::printf(", \"%s\": [%.1f, %.1f, %.1f]", std::array{"stall", "bare_lock", "repair", "no_repair"}[i],
                    each[each.size() / 2] * 1e6, each[each.size() * 99 / 100] * 1e6, each.back() * 1e6);
    }
    std::puts("}");
}

constexpr std::array<std::pair<std::string_view, void (*)()>, 5> jobs{{{"speed", measure_speed},
                                                                       {"latency", measure_latency},
                                                                       {"memory", measure_memory},
                                                                       {"flood", measure_flood},
                                                                       {"shared", measure_shared}}};

} // namespace

int main(int count, char** values) {
    try {
        for (const auto& job : jobs)
            if (count == 1 ||
                std::any_of(values + 1, values + count, [&](const char* value) { return job.first == value; })) {
                job.second();
                std::fflush(stdout);
            }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_guard: %s\n", error.what());
        return 1;
    }
}
