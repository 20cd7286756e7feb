#pragma once
// Exit statuses: what each kind of failure ends the program with.

#include "weightseal/core/error.hpp" // Errc

namespace weightseal::cli {

namespace status {
inline constexpr int done = 0;
inline constexpr int negative = 1; ///< the answer is no: verification failed, no mark detected
inline constexpr int usage = 2;
inline constexpr int bad_input = 3;
inline constexpr int key_problem = 4;
inline constexpr int io = 5;
} // namespace status

/// The exit status of an error. `signal_number` is the signal that cancelled the work, 0 if none did.
[[nodiscard]] int exit_status(Errc code, int signal_number) noexcept;

/// True when the code says that a file is not an intact container.
[[nodiscard]] bool is_container_damage(Errc code) noexcept;

} // namespace weightseal::cli
