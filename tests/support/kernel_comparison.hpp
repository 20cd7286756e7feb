#pragma once
// Comparing a kernel of the watermark with the plain one. Needs no more than the kernels, so that programs for other
// processors can be made of it.

#include "watermark/kernels/kernel.hpp"

#include <span>
#include <string>

namespace weightseal::testing {

struct KernelComparison {
    const char* what;
    /// The first difference, in words; empty if there is none.
    std::string (*difference)(const watermark::Kernel& kernel);
};

[[nodiscard]] std::span<const KernelComparison> kernel_comparisons();

} // namespace weightseal::testing
