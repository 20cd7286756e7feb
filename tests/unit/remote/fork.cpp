// A child of fork reads on, by connections of its own.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/web_server.hpp"
#include "weightseal/io/remote_source.hpp"

#include <atomic>
#include <chrono>
#include <fmt/chrono.h>
#include <thread>
#include <unistd.h>

using namespace weightseal;
using namespace weightseal::testing;

#ifndef WEIGHTSEAL_SANITIZED // what a child leaves behind on purpose is a leak to them

TEST_CASE("fork: parent and child both read on") {
    const Data object = patterned(3'000'000, 5);
    const WebServer server([&](const WebRequest& request, WebConnection& to) { to.answer_range(request, object); });
    const auto source = https_source(server.url());
    const auto is_right = [&] {
        Data read(object.size());
        source->read_at(0, read);
        return read == object;
    };
    CHECK(is_right());
    CHECK(in_child([&] { return is_right() && is_right() ? 0 : 1; }) == 0);
    CHECK(is_right());
}

TEST_CASE("fork: a child reads on while the parent waits for credentials") {
    Environment environment;
    std::atomic<int> asked = 0;
    std::atomic<bool> is_child_over = false;
    // The first credentials expire within a second, and while the parent waits for others the child comes and goes.
    const WebServer service([&](const WebRequest&, WebConnection& to) {
        const int number = ++asked;
        if (number == 2) is_child_over.wait(false);
        const auto lifetime = number == 1 ? std::chrono::seconds(1) : std::chrono::hours(1);
        const auto expires = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + lifetime);
        to.answer("200 OK", fmt::format(R"({{"AccessKeyId": "AKIA1", "SecretAccessKey": "hidden1",
            "Token": "token1", "Expiration": "{:%Y-%m-%dT%H:%M:%SZ}"}})",
                                        fmt::gmtime(expires)));
    });
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url());
    const Data object = patterned(1'000'000, 5);
    const WebServer server([&](const WebRequest& request, WebConnection& to) { to.answer_range(request, object); });
    S3Options options;
    options.endpoint = server.url();
    const auto source = s3_source("acme", "key", options);
    const auto is_right = [&] {
        Data read(object.size());
        source->read_at(0, read);
        return read == object;
    };
    std::thread parent([&] {
        try {
            while (asked < 2)
                (void)is_right();
        } catch (const Error&) { // it may lose its patience
        }
    });
    while (asked < 2)
        std::this_thread::yield();
    CHECK(in_child([&] {
              alarm(30); // rather than to hang
              return is_right() ? 0 : 1;
          }) == 0);
    is_child_over = true;
    is_child_over.notify_all();
    parent.join();
}

#endif
