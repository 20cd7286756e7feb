#include "support/redis.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <hiredis.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace weightseal::testing {
namespace {

constexpr const char* program = "/usr/bin/redis-server";

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string("test server: ") + what + ": " + std::strerror(errno));
}

sockaddr_un local(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
}

int bound_socket(const std::filesystem::path& path) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = local(path);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("no socket");
    return descriptor;
}

std::string text_of(const redisReply* reply) {
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: return std::to_string(reply->integer);
    case REDIS_REPLY_NIL: return "";
    case REDIS_REPLY_ERROR: return "-" + std::string(reply->str, reply->len);
    case REDIS_REPLY_ARRAY: {
        std::string all;
        for (std::size_t i = 0; i < reply->elements; ++i)
            all += text_of(reply->element[i]) + "\n";
        return all;
    }
    default: return {reply->str, reply->len};
    }
}

} // namespace

bool have_redis() {
    if (std::filesystem::exists(program)) return true;
    std::puts("skipped: redis-server is not installed");
    return false;
}

std::uint16_t free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(probe, reinterpret_cast<const sockaddr*>(&address), size) != 0) fail("no port");
    getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
    close(probe);
    return ntohs(address.sin_port);
}

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    start();
}

RedisServer::~RedisServer() {
    if (process_ != 0) kill();
}

std::string RedisServer::url() const {
    return "unix://" + (folder_ / "socket").string();
}

void RedisServer::start() {
    std::vector<std::string> words{program,
                                   "--dir",
                                   folder_.path().string(),
                                   "--unixsocket",
                                   (folder_ / "socket").string(),
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--daemonize",
                                   "no",
                                   "--logfile",
                                   (folder_ / "log").string()};
    bool has_port = false;
    for (const std::string& argument : arguments_)
        has_port = has_port || argument == "--port";
    if (!has_port) words.insert(words.end(), {"--port", "0"});
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::filesystem::remove(folder_ / "socket");
    process_ = fork();
    if (process_ < 0) fail("no process");
    if (process_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // should the test die first
        execv(program, pointers.data());
        _exit(127);
    }
    for (int attempt = 0; attempt < 1000; ++attempt) {
        if (std::filesystem::exists(folder_ / "socket")) {
            try {
                if (command({"PING"}) != "") return;
            } catch (const std::runtime_error&) { // not yet
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    fail("does not start");
}

void RedisServer::kill() {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = 0;
}

void RedisServer::pause() {
    ::kill(process_, SIGSTOP);
    int status = 0;
    waitpid(process_, &status, WUNTRACED); // it takes a moment
}

void RedisServer::resume() {
    ::kill(process_, SIGCONT);
}

std::string RedisServer::command(const std::vector<std::string>& words) const {
    const std::unique_ptr<redisContext, void (*)(redisContext*)> context(redisConnectUnix((folder_ / "socket").c_str()),
                                                                         redisFree);
    if (!context || context->err != 0) throw std::runtime_error("test server: no connection");
    std::vector<const char*> data;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
        data.push_back(word.data());
        sizes.push_back(word.size());
    }
    const std::unique_ptr<void, void (*)(void*)> reply(
        redisCommandArgv(context.get(), static_cast<int>(words.size()), data.data(), sizes.data()), freeReplyObject);
    if (!reply) throw std::runtime_error("test server: no reply");
    return text_of(static_cast<const redisReply*>(reply.get()));
}

FalseServer::FalseServer(std::function<void(int)> talk)
    : listener_(bound_socket(folder_ / "socket"), std::move(talk)) {}

std::string FalseServer::url() const {
    return "unix://" + (folder_ / "socket").string();
}

bool FalseServer::receive(int connection) {
    return !read(connection).empty();
}

std::string FalseServer::read(int connection) {
    std::array<char, 65'536> bytes;
    const ssize_t got = recv(connection, bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

void FalseServer::send(int connection, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

} // namespace weightseal::testing
