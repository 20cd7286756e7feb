#include "cli/work.hpp"

#include "platform/process.hpp" // on_interrupt

#include <atomic>

namespace weightseal::cli {

namespace {
std::atomic<int> signal_number{0};
} // namespace

int interrupted() noexcept {
    return signal_number.load(std::memory_order_relaxed);
}

Work::Work(std::string_view verb) : bar_(verb) {
    platform::on_interrupt(signal_number);
}

Hooks Work::hooks() {
    return {.progress = [this](std::uint64_t done, std::uint64_t total) { bar_.update(done, total); },
            .cancelled = [] { return interrupted() != 0; },
            .log = [this](std::string_view message) { bar_.interject("warning: " + std::string(message)); }};
}

double Work::seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

} // namespace weightseal::cli
