// One guard across processes: the same guarantee as in one, whoever is killed, wherever.

#include "support/files.hpp"
#include "support/guard.hpp"
#include "support/refusal.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weightseal::testing {
namespace {

const Secret secret = Secret::copy_of(as_bytes("a secret of tests, 32 bytes long").first<secret_size>());

Guard open_guard(const std::filesystem::path& path, const Limits& limits) {
    return Guard::open_shared(path, limits, secret);
}

Limits small(std::vector<Limit> limits, std::size_t capacity = 1) {
    Limits all = only(std::move(limits), capacity);
    all.tickets = 64;
    return all;
}

template <class Work>
pid_t in_process(const Work& work) {
    const pid_t process = fork();
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody outlives a test that failed
    work();
    _exit(0);
}

void wait_for(pid_t process) {
    int status = 0;
    REQUIRE(waitpid(process, &status, 0) == process);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
}

/// What processes tell each other besides the guard.
template <class T>
class Shared {
  public:
    Shared() : data_(new (mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T{}) {}
    ~Shared() { munmap(data_, sizeof(T)); }
    T* operator->() { return data_; }
    T& operator*() { return *data_; }

  private:
    T* data_;
};

/// Runs `work` in a process that is killed after so many instructions of it; false if it ended before.
template <class Work>
bool killed_after(std::uint64_t instructions, const Work& work) {
    const pid_t process = in_process([&] {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        work();
    });
    int status = 0;
    REQUIRE(waitpid(process, &status, 0) == process);
    REQUIRE(WIFSTOPPED(status));
    for (std::uint64_t i = 0; i < instructions; ++i) {
        REQUIRE(ptrace(PTRACE_SINGLESTEP, process, nullptr, nullptr) == 0);
        REQUIRE(waitpid(process, &status, 0) == process);
        if (!WIFSTOPPED(status)) return false;
    }
    kill(process, SIGKILL);
    REQUIRE(waitpid(process, &status, 0) == process);
    return true;
}

/// Instructions between one point of death and the next: not a multiple of any loop's length.
constexpr std::uint64_t stride = effort == 1 ? 1999 : 29;

std::uint64_t used(Guard& guard, const ClientKey& client) {
    const Decision decision = guard.check(client, {.queries = 0}, noon);
    return decision.limit - decision.remaining;
}

/// Clients whose counts are in one shard.
std::vector<ClientKey> neighbours(const Guard& guard, std::size_t count) {
    std::vector<ClientKey> clients;
    for (std::uint64_t i = 0; clients.size() < count; ++i)
        if (const ClientKey key = named(guard, i); key.hashes[0] >> 58 == 7) clients.push_back(key);
    return clients;
}

/// Kills a process in a check of one client after the other, at every point of it, and looks at all of them.
void check_killed(Guard& guard, const std::filesystem::path& path, const Limits& limits,
                  const std::vector<ClientKey>& clients) {
    struct Answers {
        std::atomic<std::uint64_t> admitted{0};
    };
    Shared<Answers> answers;
    std::vector<std::uint64_t> admitted(clients.size());
    Guard other = open_guard(path, limits); // elsewhere in memory
    std::uint64_t ended = 0;
    for (std::uint64_t instructions = 1, i = 0; ended < clients.size(); instructions += stride, ++i) {
        const std::size_t victim = i % clients.size();
        answers->admitted = 0;
        if (!killed_after(instructions, [&] {
                if (other.check(clients[victim], {}, noon).allowed) answers->admitted = 1;
            }))
            ++ended;
        admitted[victim] += answers->admitted;
        for (std::size_t c = 0; c < clients.size(); ++c)
            if (used(guard, clients[c]) < admitted[c]) FAIL("a count fell, after " << instructions << " instructions");
    }
}

} // namespace

TEST_CASE("processes that share a guard share its limits, against a log") {
    const TemporaryFolder folder;
    constexpr std::size_t clients = 50;
    constexpr std::uint64_t most = 20;
    const Limits limits = small({queries(most, 16), tokens(30'000, 160)}, 1000);
    Shared<std::array<std::atomic<std::uint64_t>, clients>> admitted;
    std::vector<pid_t> processes;
    for (std::uint64_t seed = 0; seed < 4; ++seed)
        processes.push_back(in_process([&] {
            Guard guard = open_guard(folder / "table", limits);
            Random random(seed);
            for (std::uint64_t i = 0; i < 2000 * effort; ++i) {
                const std::uint64_t client = random.below(clients);
                if (guard.check(named(guard, client), {.tokens = random.below(1000)}, noon).allowed)
                    ++(*admitted)[client];
            }
        }));
    for (const pid_t process : processes)
        wait_for(process);
    Guard guard = open_guard(folder / "table", limits); // counts outlive those who made them
    std::uint64_t sum = 0;
    for (std::size_t client = 0; client < clients; ++client) {
        sum += (*admitted)[client];
        if ((*admitted)[client] != most) FAIL((*admitted)[client] << " admitted");
        CHECK_FALSE(guard.check(named(guard, client), {}, noon).allowed);
    }
    CHECK(guard.counters().admitted == sum);
    CHECK(guard.counters().inserted == clients);
}

TEST_CASE("a reservation of one process is settled by another") {
    const TemporaryFolder folder;
    const Limits limits = small({tokens(100, 160), concurrency(2)}, 10);
    Guard guard = open_guard(folder / "table", limits), other = open_guard(folder / "table", limits);
    const ClientKey client = named(guard, 1);
    const Decision decision = guard.check(client, {.tokens = 80}, noon);
    REQUIRE(decision.allowed);
    CHECK_FALSE(other.check(client, {.tokens = 30}, noon).allowed);
    CHECK(other.settle(decision.ticket, {.tokens = 10}, noon) == Settlement::settled);
    CHECK(guard.settle(decision.ticket, {.tokens = 10}, noon) == Settlement::unknown);
    CHECK(guard.check(client, {.tokens = 90}, noon).allowed);
}

TEST_CASE("who is killed within a check, at whatever instruction, lowers no count: clients that have places") {
    const TemporaryFolder folder;
    const Limits limits = small({queries(100'000, 160), queries(100'000, 16)}, 64);
    Guard guard = open_guard(folder / "table", limits);
    const std::vector<ClientKey> clients = neighbours(guard, 2);
    for (const ClientKey& client : clients)
        REQUIRE(guard.check(client, {}, noon - seconds(1)).allowed);
    check_killed(guard, folder / "table", limits, clients);
}

TEST_CASE("who is killed within a check, at whatever instruction, lowers no count: clients that displace each other") {
    const TemporaryFolder folder;
    const Limits limits = small({queries(100'000, 160), queries(100'000, 16)}); // one place in the shard
    Guard guard = open_guard(folder / "table", limits);
    check_killed(guard, folder / "table", limits, neighbours(guard, 3));
    CHECK(guard.counters().evicted > 10);
}

TEST_CASE("who is killed within a check, at whatever instruction, lowers no count: newcomers of a full table") {
    const TemporaryFolder folder;
    Limit limit = queries(1, 160);
    limit.overflow_limit = 100'000;
    const Limits limits = small({limit});
    Guard guard = open_guard(folder / "table", limits);
    Guard other = open_guard(folder / "table", limits);
    const std::vector<ClientKey> clients = neighbours(guard, 4000);
    REQUIRE(guard.check(clients[0], {}, noon).allowed); // the place is taken by one at its limit
    Shared<std::atomic<std::uint64_t>> admitted;
    std::size_t newcomer = 1; // each comes once: a sketch forgets nothing
    std::uint64_t alive = 0;
    for (std::uint64_t instructions = 1; alive < 3; instructions += stride, ++newcomer) {
        REQUIRE(newcomer < clients.size());
        const bool ended = !killed_after(instructions, [&] {
            if (other.check(clients[newcomer], {}, noon).allowed) ++*admitted;
        });
        if (!ended) continue;
        ++alive;
        REQUIRE_FALSE(guard.check(clients[newcomer], {}, noon).allowed); // its own limit
    }
    CHECK(*admitted >= 3);
    CHECK(guard.counters().overflow >= *admitted);
    CHECK_FALSE(guard.check(clients[0], {}, noon).allowed);
}

TEST_CASE("a newcomer's process that is killed leaves its place to others") {
    const TemporaryFolder folder;
    const Limits limits = small({queries(3, 3600)}, 64); // seven places in each shard
    Guard guard = open_guard(folder / "table", limits);
    Guard other = open_guard(folder / "table", limits);
    const std::vector<ClientKey> clients = neighbours(guard, 7);
    for (std::size_t client = 0; client < 3; ++client)
        for (std::uint64_t instructions = 1;
             killed_after(instructions, [&] { static_cast<void>(other.check(clients[client], {}, noon)); });
             instructions += 3 * stride) {
        }
    for (const ClientKey& client : clients)
        while (guard.check(client, {}, noon).allowed) {
        }
    for (const ClientKey& client : clients)
        CHECK(used(guard, client) == 3);
    CHECK(guard.counters().evicted == 0);
    CHECK(guard.counters().overflow == 0);
}

TEST_CASE("processes that are killed at random hold nobody up, and no window holds more than its limit") {
    const TemporaryFolder folder;
    constexpr std::size_t clients = 40;
    constexpr std::uint64_t most = 300;
    const Limits limits = small({queries(most, 3600)});
    Shared<std::array<std::atomic<std::uint64_t>, clients>> admitted;
    Guard guard = open_guard(folder / "table", limits);
    Random random(71);
    for (std::uint64_t round = 0; round < 30 * effort; ++round) {
        std::array<pid_t, 2> processes;
        for (pid_t& process : processes) {
            const std::uint64_t seed = random.next();
            process = in_process([&] {
                Guard own = open_guard(folder / "table", limits);
                Random numbers(seed);
                for (;;) {
                    const std::uint64_t client = numbers.below(clients);
                    if (own.check(named(own, client), {}, noon).allowed) ++(*admitted)[client];
                }
            });
        }
        usleep(static_cast<useconds_t>(random.below(4000)));
        for (const pid_t process : processes) {
            kill(process, SIGKILL);
            REQUIRE(waitpid(process, nullptr, 0) == process);
        }
        for (std::uint64_t client = 0; client < clients; ++client)
            if (guard.check(named(guard, client), {}, noon).allowed) ++(*admitted)[client];
    }
    for (std::size_t client = 0; client < clients; ++client)
        CHECK((*admitted)[client] <= most);
}

TEST_CASE("a file that is no shared table of these limits and this secret is refused by name") {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "table";
    const Limits limits = small({queries(5, 60)});
    const auto refused = [&](const Limits& wanted, const Secret& key) {
        return refusal([&] { static_cast<void>(Guard::open_shared(path, wanted, key)); });
    };
    static_cast<void>(open_guard(path, limits));
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(refused(limits, {}) == "invalid_argument");
    CHECK(refused(limits, Secret::random()) == "shared_table_differs");
    CHECK(refused(small({queries(6, 60)}), secret) == "shared_table_differs");
    CHECK(refused(small({queries(5, 60)}, 5000), secret) == "shared_table_differs");
    const auto overwrite = [&](std::uint64_t at, char value) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(at));
        file.put(value);
    };
    overwrite(16, 9); // the version
    CHECK(refused(limits, secret) == "not_a_shared_table");
    overwrite(0, 'W');
    CHECK(refused(limits, secret) == "not_a_shared_table");

    std::filesystem::remove(path);
    static_cast<void>(open_guard(path, limits));
    std::filesystem::resize_file(path, 8192);
    CHECK(refused(limits, secret) == "not_a_shared_table");
    std::filesystem::resize_file(path, 20);
    CHECK(refused(limits, secret) == "not_a_shared_table");

    std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    CHECK(refused(limits, secret) == "unsupported_file");
    std::filesystem::remove(path);
    std::filesystem::create_symlink(folder / "elsewhere", path);
    CHECK(refused(limits, secret) == "unsupported_file");
    std::filesystem::remove(path);
    mkfifo(path.c_str(), 0600);
    CHECK(refused(limits, secret) == "unsupported_file");
}

TEST_CASE("who was killed while it made a shared table leaves one that others can make") {
    const TemporaryFolder folder;
    const Limits limits = small({queries(5, 60)});
    static_cast<void>(open_guard(folder / "table", limits));
    const auto size = std::filesystem::file_size(folder / "table");
    std::filesystem::resize_file(folder / "table", 0);
    std::filesystem::resize_file(folder / "table", size); // zeros
    Guard guard = open_guard(folder / "table", limits);
    CHECK(guard.check(named(guard, 1), {}, noon).allowed);
}

TEST_CASE("the limits of a shared guard do not change") {
    const TemporaryFolder folder;
    Guard guard = open_guard(folder / "table", small({queries(5, 60)}));
    CHECK(refusal([&] { guard.configure(small({queries(6, 60)}), noon); }) == "unsupported");
    guard.trim(noon);
    CHECK(guard.limits() == small({queries(5, 60)}));
}

} // namespace weightseal::testing
