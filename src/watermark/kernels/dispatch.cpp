// Which kernels there are, and which one runs.

#include "core/forced_kernel.hpp"
#include "watermark/kernels/kernel.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/watermark/detect.hpp" // watermark_kernel

namespace weightseal {
namespace watermark {

std::span<const Kernel* const> all_kernels() noexcept {
    static constexpr const Kernel* kernels[] = {
        &plain_kernel,
#if defined(__x86_64__)
        &avx2_kernel,
        &avx512_kernel,
#elif defined(__aarch64__)
        &neon_kernel,
#endif
    };
    return kernels;
}

const Kernel& choose_kernel(std::string_view forced) {
    const Kernel* chosen = nullptr;
    for (const Kernel* const kernel : all_kernels())
        if ((forced.empty() || forced == kernel->name) && kernel->is_supported()) chosen = kernel;
    if (chosen == nullptr)
        throw Error(Errc::unsupported, "WEIGHTSEAL_FORCE_KERNEL",
                    "names " + std::string(forced) + ", which this build or processor lacks");
    return *chosen;
}

const Kernel& chosen_kernel() {
    static const Kernel& kernel = choose_kernel(forced_kernel(watermark_kernels));
    return kernel;
}

} // namespace watermark

std::string_view watermark_kernel() {
    return watermark::chosen_kernel().name;
}

} // namespace weightseal
