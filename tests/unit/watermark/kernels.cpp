// The watermark's kernels: all give the same integers, and which one runs.

#include "core/forced_kernel.hpp"
#include "support/catch.hpp"
#include "support/kernel_comparison.hpp"
#include "support/refusal.hpp"
#include "watermark/kernels/kernel.hpp"
#include "weightseal/watermark/detect.hpp"

#include <algorithm>
#include <cstdlib>

namespace weightseal::testing {
namespace {

using namespace watermark;

/// What a job is forced to while WEIGHTSEAL_FORCE_KERNEL is `value`; null: not set.
std::string forced(std::span<const std::string_view> job, const char* value) {
    const char* const set = std::getenv("WEIGHTSEAL_FORCE_KERNEL");
    const std::string before = set == nullptr ? "" : set;
    if (value == nullptr)
        unsetenv("WEIGHTSEAL_FORCE_KERNEL");
    else
        setenv("WEIGHTSEAL_FORCE_KERNEL", value, 1);
    std::string found;
    const std::string refused = refusal([&] { found = forced_kernel(job); });
    if (set == nullptr)
        unsetenv("WEIGHTSEAL_FORCE_KERNEL");
    else
        setenv("WEIGHTSEAL_FORCE_KERNEL", before.c_str(), 1);
    return refused == "nothing refused" ? found : refused;
}

} // namespace

TEST_CASE("each kernel of this processor gives the sums of the plain one") {
    for (const Kernel* const kernel : all_kernels()) {
        if (!kernel->is_supported()) continue;
        for (const KernelComparison& comparison : kernel_comparisons()) {
            INFO(kernel->name << ": " << comparison.what);
            CHECK(comparison.difference(*kernel) == "");
        }
    }
}

TEST_CASE("the fastest kernel runs unless another one is named") {
    const auto kernels = all_kernels();
    CHECK(kernels.front() == &plain_kernel);
    REQUIRE(plain_kernel.is_supported());
    const Kernel* fastest = nullptr;
    for (const Kernel* const kernel : kernels) {
        CHECK(std::ranges::find(watermark_kernels, kernel->name) != watermark_kernels.end());
        if (kernel->is_supported()) {
            fastest = kernel;
            CHECK(&choose_kernel(kernel->name) == kernel);
        } else {
            CHECK(refusal([&] { (void)choose_kernel(kernel->name); }) == "unsupported");
        }
    }
    CHECK(&choose_kernel("") == fastest);
    CHECK(refusal([] { (void)choose_kernel("abacus"); }) == "unsupported");
    CHECK(watermark_kernel() == chosen_kernel().name);
}

TEST_CASE("WEIGHTSEAL_FORCE_KERNEL names a kernel of one job and leaves the others alone") {
    CHECK(forced(watermark_kernels, nullptr) == "");
    CHECK(forced(watermark_kernels, "") == "");
    for (const char* const name : {"plain", "avx2", "avx512", "neon"}) {
        CHECK(forced(watermark_kernels, name) == name);
        CHECK(forced(cipher_kernels, name) == "");
    }
    for (const char* const name : {"libcrypto", "ipsec-mb"}) {
        CHECK(forced(cipher_kernels, name) == name);
        CHECK(forced(watermark_kernels, name) == "");
    }
    for (const char* const name : {"abacus", "Plain", "plain ", "plain,libcrypto"}) {
        CHECK(forced(watermark_kernels, name) == "invalid_argument");
        CHECK(forced(cipher_kernels, name) == "invalid_argument");
    }
}

} // namespace weightseal::testing
