// Servers that do not do what they should: named errors, resumption where that is safe, and never a wrong byte.

#include "remote/answer.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/refusal.hpp"
#include "support/web_server.hpp"
#include "weightseal/io/remote_source.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

constexpr std::size_t object_size = 3'000'000;

const Data& object() {
    static const Data data = patterned(object_size, 7);
    return data;
}

HttpOptions impatient() {
    HttpOptions options;
    options.retries = 4;
    options.retry_delay = std::chrono::milliseconds(1);
    return options;
}

using Answer = WebServer::Answer;

/// Opens at a server and reads all of it: how that ends.
std::string read_all(const Answer& answer, const HttpOptions& options = impatient()) {
    const WebServer server(answer);
    return refusal_code([&] {
        const auto source = https_source(server.url("/model"), options);
        Data read(source->size());
        source->read_at(0, read);
        REQUIRE(read == object());
    });
}

/// A good answer to the first request; `answer` for the others.
Answer after_first(const Answer& answer) {
    return [answer](const WebRequest& request, WebConnection& to) {
        if (request.range().first == 0)
            to.answer_range(request, object());
        else
            answer(request, to);
    };
}

std::string range_header(std::size_t begin, std::size_t end, std::size_t size = object_size) {
    return "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
           std::to_string(size) + "\r\n";
}

std::string_view part(std::size_t begin, std::size_t end) {
    return as_text(object()).substr(begin, end - begin);
}

} // namespace

TEST_CASE("hostile: ranges that can be read, and others") {
    const auto range = remote::parse_content_range("bytes 0-9/9223372036854775807");
    REQUIRE(range);
    CHECK((range->begin == 0 && range->end == 10 && range->size == INT64_MAX));
    CHECK(remote::parse_content_range("bytes */0"));
    for (const char* bad : {"", "bytes 0-9", "bytes 0-9/*", "bytes 9-0/10", "bytes 0-10/10", "bytes 0-9/10 ",
                            "bytes -1-9/10", "bits 0-9/10", "bytes 0-9/9223372036854775808",
                            "bytes */18446744073709551615", "bytes 0-18446744073709551615/18446744073709551615"})
        CHECK_FALSE(remote::parse_content_range(bad));
}

TEST_CASE("hostile: a good server, for comparison") {
    CHECK(read_all([](const WebRequest& request, WebConnection& to) { to.answer_range(request, object()); }) ==
          "nothing refused");
}

TEST_CASE("hostile: the whole object instead of a part") {
    const Answer whole = [](const WebRequest&, WebConnection& to) {
        to.answer("200 OK", as_text(object()), "ETag: \"v1\"\r\n");
        to.close();
    };
    CHECK(read_all(whole) == "server_answer");
    CHECK(read_all(after_first(whole)) == "server_answer");
}

TEST_CASE("hostile: other parts than those asked for") {
    const auto answer = [](auto change) {
        return [change](const WebRequest& request, WebConnection& to) {
            auto [begin, asked] = request.range();
            std::size_t end = std::min(asked, object_size);
            std::string etag = "ETag: \"v1\"\r\n";
            std::size_t size = object_size;
            std::string range;
            change(begin, end, size, etag, range);
            to.answer("206 Partial Content", part(begin, end),
                      etag + (range.empty() ? range_header(begin, end, size) : range));
        };
    };
    using S = std::size_t&;
    using T = std::string&;
    const auto both = [&](const auto& change) {
        return read_all(answer(change)) + ", " + read_all(after_first(answer(change)));
    };
    const std::string never = "server_answer, server_answer";
    CHECK(both([](S, S, S, T, T) {}) == "nothing refused, nothing refused");
    CHECK(both([](S begin, S end, S, T, T) { begin += 1, end = std::min(end + 1, object_size); }) == never);
    CHECK(both([](S, S end, S, T, T) { end -= 1; }) == never);
    CHECK(both([](S begin, S end, S, T, T range) { range = range_header(begin, end + 1); }) == never);
    CHECK(both([](S, S, S, T, T range) { range = "X-Nothing: 1\r\n"; }) == never);
    CHECK(both([](S, S, S, T, T range) { range = "Content-Range: bytes 0-9/*\r\n"; }) == never);
    CHECK(both([](S, S, S, T, T range) { range = "Content-Range: bytes 9-0/10\r\n"; }) == never);
    CHECK(both([](S, S, S, T, T range) { range = "Content-Range: bytes 0-18446744073709551615/5\r\n"; }) == never);
    CHECK(read_all(after_first(answer([](S, S, S size, T, T) { ++size; }))) == "source_changed");
    CHECK(read_all(after_first(answer([](S, S, S, T etag, T) { etag = "ETag: \"v2\"\r\n"; }))) == "source_changed");
    CHECK(read_all(after_first(answer([](S, S, S, T etag, T) { etag.clear(); }))) == "source_changed");
}

TEST_CASE("hostile: more or fewer bytes than announced") {
    const auto chunked = [](std::size_t more, std::size_t fewer) {
        return [more, fewer](const WebRequest& request, WebConnection& to) {
            const auto [begin, asked] = request.range();
            const std::size_t end = std::min(asked, object_size);
            to.send("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n" +
                    range_header(begin, end) + "\r\n");
            const std::string body = std::string(part(begin, end - fewer)) + std::string(more, 'x');
            char size[32];
            std::snprintf(size, sizeof size, "%zx\r\n", body.size());
            to.send(size + body + "\r\n0\r\n\r\n");
        };
    };
    CHECK(read_all(chunked(0, 0)) == "nothing refused");
    CHECK(read_all(chunked(1, 0)) == "server_answer");
    CHECK(read_all(chunked(0, 1)) == "server_answer");
    CHECK(read_all(after_first(chunked(100'000, 0))) == "server_answer");
    CHECK(read_all(after_first(chunked(0, 100'000))) == "server_answer");
}

TEST_CASE("hostile: a connection that is cut goes on where it stopped") {
    std::atomic<int> cuts = 0;
    std::atomic<std::size_t> sent = 0;
    const Answer cut = [&](const WebRequest& request, WebConnection& to) {
        const auto [begin, asked] = request.range();
        const std::size_t end = std::min(asked, object_size);
        if (end - begin < 1000 || cuts >= 12) {
            sent += end - begin;
            return to.answer_range(request, object());
        }
        ++cuts;
        sent += (end - begin) / 2;
        to.send("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: " + std::to_string(end - begin) +
                "\r\n" + range_header(begin, end) + "\r\n");
        to.send(part(begin, begin + (end - begin) / 2));
        to.close();
    };
    HttpOptions options = impatient();
    options.retries = 20;
    const WebServer server(cut);
    const auto source = https_source(server.url(), options);
    Data read(object_size);
    source->read_at(0, read);
    CHECK(read == object());
    CHECK(cuts == 12);
    CHECK(sent == object_size); // nothing came twice
}

TEST_CASE("hostile: a connection that is always cut is given up") {
    const Answer cut = [](const WebRequest& request, WebConnection& to) {
        const auto [begin, asked] = request.range();
        const std::size_t end = std::min(asked, object_size);
        to.send("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: " + std::to_string(end - begin) +
                "\r\n" + range_header(begin, end) + "\r\n");
        to.close();
    };
    CHECK(read_all(cut) == "server_unreachable");
    CHECK(read_all(after_first(cut)) == "server_unreachable");
    CHECK(read_all([](const WebRequest&, WebConnection& to) { to.close(); }) == "server_unreachable");
}

TEST_CASE("hostile: a server that is overloaded for a while, or for good") {
    std::atomic<int> busy = 3;
    const Answer recovering = [&](const WebRequest& request, WebConnection& to) {
        if (busy-- > 0)
            to.answer(busy % 2 == 0 ? "503 Slow Down" : "429 Too Many Requests", "<Code>SlowDown</Code>");
        else
            to.answer_range(request, object());
    };
    CHECK(read_all(recovering) == "nothing refused");
    busy = 3;
    CHECK(read_all(after_first(recovering)) == "nothing refused");
    std::atomic<int> asked = 0;
    const Answer busy_for_good = [&](const WebRequest&, WebConnection& to) {
        ++asked;
        to.answer("500 Internal Server Error", "");
    };
    CHECK(read_all(busy_for_good) == "server_refused");
    CHECK(asked == 5); // once, and four times again
    HttpOptions no_time = impatient();
    no_time.retry_time = std::chrono::seconds(0);
    CHECK(read_all(busy_for_good, no_time) == "server_refused");
    CHECK(asked == 6);
}

TEST_CASE("hostile: refusals are not tried again, and say what they are") {
    std::atomic<int> asked = 0;
    const auto status = [&](const std::string& line) {
        return [&asked, line](const WebRequest&, WebConnection& to) {
            ++asked;
            to.answer(line, "no");
        };
    };
    CHECK(read_all(status("404 Not Found")) == "file_not_found");
    CHECK(read_all(status("401 Unauthorized")) == "server_refused");
    CHECK(read_all(status("403 Forbidden")) == "server_refused");
    CHECK(read_all(status("405 Method Not Allowed")) == "server_refused");
    CHECK(read_all(status("204 No Content")) == "server_answer");
    CHECK(read_all(status("304 Not Modified")) == "server_answer");
    CHECK(read_all(status("999 What")) == "server_answer");
    CHECK(asked == 7);
    CHECK(read_all(after_first(status("412 Precondition Failed"))) == "source_changed");
    CHECK(read_all(after_first(status("416 Range Not Satisfiable"))) == "source_changed");
}

TEST_CASE("hostile: redirects are not followed") {
    std::atomic<int> elsewhere = 0;
    const WebServer other([&](const WebRequest& request, WebConnection& to) {
        ++elsewhere;
        to.answer_range(request, object());
    });
    for (const std::string& location : {other.url(), std::string("https://example.com/"), std::string("/other")})
        for (const char* status : {"301 Moved Permanently", "302 Found", "307 Temporary Redirect"}) {
            const Answer redirect = [&](const WebRequest&, WebConnection& to) {
                to.answer(status, "", "Location: " + location + "\r\n");
            };
            CHECK(read_all(redirect) == "server_refused");
            CHECK(read_all(after_first(redirect)) == "server_refused");
        }
    CHECK(elsewhere == 0);
}

TEST_CASE("hostile: heads without end, and what is no HTTP") {
    const auto endless = [](const std::string& line) {
        return [line](const WebRequest&, WebConnection& to) {
            to.send("HTTP/1.1 206 Partial Content\r\n");
            while (to.send(line)) {
            }
            to.await_end();
        };
    };
    CHECK(read_all(endless("X-More: " + std::string(1000, 'x') + "\r\n")) == "server_answer");
    CHECK(read_all(after_first(endless("X-More: 1\r\n"))) == "server_answer");
    CHECK(read_all(endless("X-One-Long-Line-")) != "nothing refused");
    const Answer endless_100 = [](const WebRequest&, WebConnection& to) {
        while (to.send("HTTP/1.1 100 Continue\r\n\r\n")) {
        }
        to.await_end();
    };
    CHECK(read_all(endless_100) == "server_answer");
    const Answer other_protocol = [](const WebRequest&, WebConnection& to) {
        to.send("SSH-2.0-OpenSSH_9.2\r\n");
        to.close();
    };
    CHECK(read_all(other_protocol) == "server_answer");
    const Answer endless_error = [](const WebRequest&, WebConnection& to) {
        to.send("HTTP/1.1 403 Forbidden\r\n\r\n");
        while (to.send(std::string(1000, 'x'))) {
        }
        to.await_end();
    };
    CHECK(read_all(endless_error) == "server_refused");
}

TEST_CASE("hostile: a server that says nothing any more") {
    HttpOptions options = impatient();
    options.retries = 1;
    options.stall_timeout = std::chrono::seconds(1);
    const Answer silent = [](const WebRequest&, WebConnection& to) { to.await_end(); };
    CHECK(read_all(silent, options) == "server_unreachable");
    const Answer stalling = [](const WebRequest& request, WebConnection& to) {
        const auto [begin, asked] = request.range();
        const std::size_t end = std::min(asked, object_size);
        to.send("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: " + std::to_string(end - begin) +
                "\r\n" + range_header(begin, end) + "\r\n");
        to.send(part(begin, begin + 10));
        to.await_end();
    };
    CHECK(read_all(after_first(stalling), options) == "server_unreachable");
}

TEST_CASE("hostile: nobody is there") {
    CHECK(refusal([] { (void)https_source("http://127.0.0.1:" + std::to_string(free_web_port()), impatient()); }) ==
          "server_unreachable");
    const WebServer plain([](const WebRequest&, WebConnection&) {});
    std::string url = plain.url();
    url.replace(0, 4, "https"); // TLS to a server without it
    HttpOptions options = impatient();
    options.stall_timeout = std::chrono::seconds(1);
    options.connect_timeout = std::chrono::milliseconds(500);
    CHECK(refusal([&] { (void)https_source(url, options); }) == "server_unreachable");
}
