#pragma once
// Children: a forked process in which a test may be killed or run out of something.

#include "weightseal/core/error.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace weightseal::testing {

/// Runs `work` in a child. Its exit status, or minus the number of the signal that ended it; 255 when an
/// exception that is not ours came out. The child runs no destructors of the test and prints nothing.
[[nodiscard]] int in_child(const std::function<int()>& work);

/// Runs `work(0)` … `work(count - 1)`, each in a child of its own, at once; how they ended.
[[nodiscard]] std::vector<int> in_children(std::size_t count, const std::function<int(std::size_t)>& work);

/// Runs `work` in a child and gives the number of the `Errc` it ends with, 0 when it ends well.
[[nodiscard]] int errc_in_child(const std::function<void()>& work);

/// From here on this process gets at most `bytes` more of address space. Sanitizers reserve terabytes: under
/// them this does nothing.
void limit_memory(std::size_t bytes);

/// From here on no file of this process grows past `bytes`: writes fail with EFBIG.
void limit_file_size(std::size_t bytes);

} // namespace weightseal::testing
