// Secrets live in guarded memory.

#include "weightseal/keys/secret.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

namespace weightseal::testing {
namespace {

// How a child ends that touches a byte. A sanitizer turns the signal into an exit status of its own.
template <class Touch>
bool dies(const Touch& touch) {
    const int status = in_child([&] {
        std::signal(SIGSEGV, SIG_DFL);
        touch();
        return 0;
    });
    INFO("status " << status);
    return status == -SIGSEGV;
}

std::byte* memory_of(const Secret& secret) {
    return const_cast<std::byte*>(secret.bytes().data());
}

} // namespace

TEST_CASE("a secret holds what was put into it") {
    std::array<std::byte, secret_size> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i * 7);
    const Secret copy = Secret::copy_of(bytes);
    CHECK(std::ranges::equal(copy.bytes(), bytes));
    const Secret made =
        Secret::make([&](std::span<std::byte, secret_size> to) { std::ranges::copy(bytes, to.begin()); });
    CHECK(std::ranges::equal(made.bytes(), bytes));
    CHECK(copy.bytes().data() != made.bytes().data());
    CHECK(static_cast<bool>(copy));
    CHECK_FALSE(static_cast<bool>(Secret()));
}

TEST_CASE("copies of a secret share its pages, and outlive each other") {
    Secret second;
    {
        const Secret first = Secret::random();
        second = first;
        CHECK(second.bytes().data() == first.bytes().data());
    }
    CHECK_FALSE(all_zero(second.bytes()));
}

TEST_CASE("random secrets differ") {
    CHECK_FALSE(std::ranges::equal(Secret::random().bytes(), Secret::random().bytes()));
}

TEST_CASE("writing to a secret kills the process") {
    const Secret secret = Secret::random();
    CHECK(dies([&] { *const_cast<volatile std::byte*>(memory_of(secret)) = std::byte{0}; }));
}

TEST_CASE("reading past a secret kills the process") {
    const Secret secret = Secret::random();
    CHECK_FALSE(dies([&] { (void)*const_cast<volatile std::byte*>(memory_of(secret) + 31); }));
    CHECK(dies([&] { (void)*const_cast<volatile std::byte*>(memory_of(secret) + 32); }));
}

TEST_CASE("the memory of a released secret is gone") {
    const std::byte* memory = nullptr;
    {
        const Secret secret = Secret::random();
        memory = secret.bytes().data();
    }
    CHECK(dies([&] { (void)*const_cast<volatile const std::byte*>(memory); }));
}

TEST_CASE("an exception while a secret is filled passes through") {
    CHECK_THROWS_WITH(Secret::make([](std::span<std::byte, secret_size>) { throw std::runtime_error("no key"); }),
                      "no key");
}

} // namespace weightseal::testing
