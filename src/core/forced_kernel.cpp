#include "core/forced_kernel.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace weightseal {

using Names = std::span<const std::string_view>;

std::string_view forced_kernel(Names job) {
    constexpr const char* variable = "WEIGHTSEAL_FORCE_KERNEL";
    const char* const value = std::getenv(variable);
    const std::string_view name = value == nullptr ? "" : value;
    if (name.empty()) return {};
    if (const auto found = std::ranges::find(job, name); found != job.end()) return *found;
    for (const Names known : {Names(cipher_kernels), Names(watermark_kernels)})
        if (std::ranges::find(known, name) != known.end()) return {};
    throw Error(Errc::invalid_argument, variable,
                fmt::format("is none of {}, {}", fmt::join(cipher_kernels, ", "), fmt::join(watermark_kernels, ", ")));
}

} // namespace weightseal
