// What the background thread does for leases: it asks for chunks, has the allowance charged, and passes on what was
// settled.

#include "guard/shared/state.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace weightseal::guard {
namespace {

// Ticks that surely pass before so many µs are over, also by a clock that runs a thousandth too slow.
std::uint64_t ticks_within(std::uint64_t us) noexcept {
    return (us - us / 1000) * 1000 / tick_ns;
}

std::uint64_t ticks_after(std::uint64_t us) noexcept {
    return us * 1000 / tick_ns + 2;
}

} // namespace

bool SharedState::next(Task& task) {
    Correction correction;
    if (corrections.pop(correction)) {
        const SharedWindow& window = tiers[correction.tier].windows[correction.window];
        const std::string tag = tag_of(correction.tier, correction.hash);
        task.kind = Task::Kind::correction;
        task.call.slot = slot_of(tag);
        task.call.keys.push_back(key_of(tag, window));
        task.call.questions.push_back({.length = window.length,
                                       .limit = window.limit,
                                       .back_stamp = correction.stamp,
                                       .back = correction.refund,
                                       .excess_stamp = correction.stamp,
                                       .excess = correction.excess});
        return true;
    }
    RefillRequest request;
    if (!refills.pop(request)) return false;
    SharedTier& tier = tiers[request.tier];
    LeaseSeat& seat = tier.leases->seat(request.seat); // keeps its client while it is asking
    const std::uint64_t hash = seat.hash;
    const std::string tag = tag_of(request.tier, hash);
    task.kind = Task::Kind::refill;
    task.tier = request.tier;
    task.seat = request.seat;
    task.call.slot = slot_of(tag);
    for (const SharedWindow& window : tier.windows)
        task.call.keys.push_back(key_of(tag, window));
    task.call.questions.resize(tier.windows.size());
    const std::lock_guard lock(tier.leases->lock_of(request.seat));
    seat.slot = task.call.slot;
    const std::span<Lease> leases = tier.leases->leases(seat);
    for (std::size_t i = 0; i < leases.size(); ++i) {
        Lease& lease = leases[i];
        const SharedWindow& window = tier.windows[i];
        task.call.questions[i] = {.length = window.length,
                                  .limit = window.limit,
                                  .need = lease.need,
                                  .want = std::max(lease.want, lease.need),
                                  .owed = lease.owed,
                                  .back_stamp = lease.back_stamp,
                                  .back = lease.back};
        lease.need = lease.want = 0;
        lease.back = lease.back_stamp = 0;
        lease.unsure = false;
        lease.owed_sent = lease.owed;
        lease.sent_charge = lease.next_charge;
        lease.next_charge = tier.leases->number_charge(hash);
    }
    return true;
}

void SharedState::answered(const Task& task, const std::vector<WindowAnswer>& answers) {
    if (task.kind != Task::Kind::refill) return;
    SharedTier& tier = tiers[task.tier];
    const std::lock_guard lock(tier.leases->lock_of(task.seat));
    LeaseSeat& seat = tier.leases->seat(task.seat);
    seat.asking = false;
    const bool same_clock = seat.clock_steps == clock_steps.load(std::memory_order_relaxed);
    const std::span<Lease> leases = tier.leases->leases(seat);
    for (std::size_t i = 0; i < leases.size(); ++i) {
        const WindowAnswer& answer = answers[i];
        Lease& lease = leases[i];
        if (answer.owed_charged) {
            lease.owed -= lease.owed_sent;
            lease.note_charge(lease.sent_charge, answer.stamp);
        }
        const std::uint64_t owed_sent = std::exchange(lease.owed_sent, 0);
        if (answer.granted != 0) {
            if (lease.stamp != answer.stamp || lease.clock_steps != seat.clock_steps) {
                lease.end();
                lease.stamp = answer.stamp;
                lease.clock_steps = seat.clock_steps;
            }
            lease.left += answer.granted;
            lease.deadline = same_clock ? seat.asked + ticks_within(answer.bucket_left) : 0;
        }
        if (lease.unsure) { // a debt that the server had not heard of
            lease.end();
            continue;
        }
        const SharedWindow& window = tier.windows[i];
        lease.in_debt = answer.in_debt;
        if (answer.refused) {
            lease.refused = task.call.questions[i].need;
            lease.retry_at = answer.wait == 0 ? 0 : seat.asked + ticks_after(answer.wait);
        } else if (owed_sent != 0 && !answer.owed_charged) {
            lease.refused = 1; // no room for what is owed: again in a while
            lease.retry_at = seat.asked + window.window.ticks;
        } else {
            lease.retry_at = 0;
        }
    }
}

void SharedState::failed(const Task& task) {
    if (task.kind != Task::Kind::refill) return;
    SharedTier& tier = tiers[task.tier];
    const std::lock_guard lock(tier.leases->lock_of(task.seat));
    LeaseSeat& seat = tier.leases->seat(task.seat);
    seat.asking = false;
    for (Lease& lease : tier.leases->leases(seat))
        lease.owed_sent = 0; // it stays owed
}

} // namespace weightseal::guard
