// Measures shared state on a redis-server that it starts: exact checks beside EVALSHA of an empty script, on as many
// connections over the loopback, and checks in lease mode. Prints one JSON object a line.
// `bench_guard_redis [SECONDS]`; each measurement lasts half a second unless told.

#include "support/redis.hpp"
#include "weightseal/guard/shared.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <hiredis.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace weightseal;
using Clock = std::chrono::steady_clock;

constexpr int pairs = 7; // of a raw and an exact measurement, one after the other; the median counts

using Work = std::function<void()>;

/// Calls per second of `threads` threads, each with a worker of its own.
double rate(std::size_t threads, double seconds, const std::function<Work(std::size_t)>& worker) {
    std::vector<Work> works;
    for (std::size_t t = 0; t < threads; ++t) {
        works.push_back(worker(t));
        works.back()(); // connects
    }
    std::atomic<bool> running{true};
    std::atomic<std::uint64_t> calls{0};
    std::vector<std::thread> all;
    const auto start = Clock::now();
    for (const Work& work : works)
        all.emplace_back([&] {
            std::uint64_t own = 0;
            for (; running.load(std::memory_order_relaxed); ++own)
                work();
            calls += own;
        });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    running = false;
    for (std::thread& thread : all)
        thread.join();
    return static_cast<double>(calls) / std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

/// EVALSHA of a script without content, with a key and an argument as an exact check has them.
Work raw(int port) {
    const std::shared_ptr<redisContext> context(redisConnect("127.0.0.1", port), redisFree);
    if (!context || context->err != 0) fail("no connection");
    const std::unique_ptr<redisReply, void (*)(void*)> loaded(
        static_cast<redisReply*>(redisCommand(context.get(), "SCRIPT LOAD %s", "")), freeReplyObject);
    const std::string sha(loaded->str, loaded->len);
    return [context, sha, argument = std::string(72, 'x')] {
        const std::string_view key = "weightseal:{0123456789abcdef0123456789abcdef}:queries.3600";
        const char* words[] = {"EVALSHA", sha.data(), "1", key.data(), argument.data()};
        const std::size_t sizes[] = {7, sha.size(), 1, key.size(), argument.size()};
        void* const reply = redisCommandArgv(context.get(), 5, words, sizes);
        if (reply == nullptr) fail("no reply");
        freeReplyObject(reply);
    };
}

std::chrono::nanoseconds now() {
    return Clock::now().time_since_epoch();
}

SharedOptions options(int port, SharedMode mode) {
    SharedOptions options;
    options.url = "redis://127.0.0.1:" + std::to_string(port);
    options.mode = mode;
    options.replicas = 2;
    options.timeout = std::chrono::seconds(5);
    return options;
}

Limits plenty() {
    Limits limits;
    limits.limits[0].limit = max_limit;
    limits.capacity = 10'000;
    return limits;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    if (!testing::have_redis()) return 0;
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
    const int port = testing::free_port();
    const testing::RedisServer server({"--port", std::to_string(port), "--bind", "127.0.0.1"});
    const Secret secret = Secret::random();
    double exact_on_one = 0;
    for (const std::size_t connections : {std::size_t{1}, std::size_t{50}}) {
        SharedGuard guard(plenty(), secret, options(port, SharedMode::exact));
        guard.connect();
        const auto exact = [&](std::size_t thread) -> Work {
            const std::string name = "client-" + std::to_string(thread);
            return [&guard, client = guard.identify({.name = name})] {
                if (!guard.check_shared(client, {}, now()).allowed) fail("refused");
            };
        };
        std::vector<double> raws, exacts, ratios;
        for (int i = 0; i < pairs; ++i) {
            raws.push_back(rate(connections, seconds, [&](std::size_t) { return raw(port); }));
            exacts.push_back(rate(connections, seconds, exact));
            ratios.push_back(exacts.back() / raws.back());
        }
        if (guard.degraded()) fail("degraded");
        if (connections == 1) exact_on_one = median(exacts);
        std::printf(
            "{\"measurement\": \"exact\", \"connections\": %zu, \"raw\": %.0f, \"exact\": %.0f, \"ratio\": %.3f}\n",
            connections, median(raws), median(exacts), median(ratios));
    }
    SharedGuard guard(plenty(), secret, options(port, SharedMode::lease));
    guard.connect();
    std::vector<double> leases;
    std::atomic<std::uint64_t> pending{0};
    for (int i = 0; i < pairs; ++i)
        leases.push_back(rate(1, seconds, [&](std::size_t) -> Work {
            return [&guard, &pending, client = guard.identify({.name = "client"})] {
                if (!guard.check(client, {}, now()).allowed) ++pending;
            };
        }));
    std::printf(
        "{\"measurement\": \"lease\", \"threads\": 1, \"lease\": %.0f, \"not admitted\": %llu, \"ratio\": %.1f}\n",
        median(leases), static_cast<unsigned long long>(pending), median(leases) / exact_on_one);
    return 0;
}
