#include "cli/exit_status.hpp"

namespace weightseal::cli {

namespace {

constexpr bool within(Errc code, Errc first, Errc last) noexcept {
    return code >= first && code <= last;
}

} // namespace

bool is_container_damage(Errc code) noexcept {
    return within(code, Errc::not_sealed, Errc::too_large);
}

int exit_status(Errc code, int signal_number) noexcept {
    if (code == Errc::cancelled) return 128 + signal_number; // as a shell reports a process that died of it
    if (code == Errc::invalid_argument) return status::usage;
    if (code == Errc::unsupported) return status::bad_input;
    if (within(code, Errc::wrong_key, Errc::keys_dropped) || code == Errc::key_mismatch) return status::key_problem;
    if (within(code, Errc::server_unreachable, Errc::server_answer)) return status::io;
    if (code >= Errc::not_sealed) return status::bad_input;
    return status::io; // input and output, and what the machine could not give
}

} // namespace weightseal::cli
