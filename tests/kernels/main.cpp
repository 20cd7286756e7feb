// Compares the kernel that WEIGHTSEAL_TESTED_KERNEL names with the plain one, where the unit tests cannot: emulated.

#include "support/kernel_comparison.hpp"

#include <cstdio>

int main() {
    int failures = 0;
    for (const auto& comparison : weightseal::testing::kernel_comparisons()) {
        const std::string difference = comparison.difference(weightseal::watermark::WEIGHTSEAL_TESTED_KERNEL);
        std::printf("%s: %s\n", comparison.what, difference.empty() ? "the same" : difference.c_str());
        failures += difference.empty() ? 0 : 1;
    }
    return failures;
}
