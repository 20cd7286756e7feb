// What becomes of questions to servers that answer late, twice, not at all, or with errors that say nothing about them.

#include "support/false_redis.hpp"
#include "support/shared.hpp"

#include <mutex>

using namespace weightseal;
using namespace weightseal::testing;

TEST_CASE("shared answers: what a closed connection left unanswered is asked once more, and gives nothing back twice") {
    SharedTime time;
    std::mutex mutex;
    std::vector<std::string> corrections;
    const auto count = [&] {
        const std::lock_guard lock(mutex);
        return corrections.size();
    };
    FalseServer server(greeting_then([&](const std::string& text) -> std::optional<std::string> {
        const std::lock_guard lock(mutex);
        corrections.push_back(text);
        if (corrections.size() == 2) return std::nullopt;
        return granting(0);
    }));
    guard::SharedState state(only({queries(4000, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    state.correct({.stamp = 6, .refund = 1});
    CHECK(soon([&] { return count() == 1; }));
    state.correct({.stamp = 7, .refund = 3, .excess = 2});
    CHECK(soon([&] { return count() == 3; }));
    const auto question = [&](guard::WindowQuestion wanted) {
        wanted.length = state.tiers[0].windows[0].length;
        wanted.limit = 4000;
        wanted.excess_stamp = 7;
        wanted.excess = 2;
        return guard::encode({wanted});
    };
    const std::lock_guard lock(mutex);
    CHECK_THAT(corrections.at(1), ContainsSubstring(question({.back_stamp = 7, .back = 3})));
    CHECK_THAT(corrections.at(2), ContainsSubstring(question({})));
    CHECK(testing::events_of(state).empty());
}

TEST_CASE("shared answers: a question that a new connection may have lost is not asked again") {
    SharedTime time;
    std::atomic<int> questions{0};
    FalseServer server(greeting_then([&](const std::string&) -> std::optional<std::string> {
        ++questions;
        return std::nullopt;
    }));
    guard::SharedState state(only({queries(40, 3600)}), shared_secret(), shared_options(server.url()), time.server());
    CHECK(ask(state, "x", {}, time.now()).limit == 10);
    CHECK(questions == 1);
}
