#include "remote/credential_cache.hpp"

#include "weightseal/core/error.hpp"

namespace weightseal::remote {
namespace {

constexpr std::chrono::minutes early{5};
constexpr std::chrono::seconds pause{30}; // between attempts while the old ones still hold

bool holds(const Credentials* credentials, Time until) noexcept {
    return credentials != nullptr && (!credentials->expires || *credentials->expires > until);
}

} // namespace

void CredentialCache::refresh() {
    const auto is_fresh = [&](Time now) {
        const std::lock_guard lock(mutex_);
        return holds(current_.get(), now + early) || (holds(current_.get(), now) && now < next_attempt_);
    };
    if (is_fresh(clock_())) return;
    const std::lock_guard one_at_a_time(loading_);
    const Time now = clock_();
    if (is_fresh(now)) return;
    try {
        auto loaded = source_->load();
        if (!loaded)
            throw Error(Errc::key_source_failed, "credentials",
                        "there are none: neither in the environment, nor in shared files, nor of a role");
        if (!holds(&*loaded, now))
            throw Error(Errc::key_source_failed, "credentials", "those that their source gave have expired");
        const std::lock_guard lock(mutex_);
        current_ = std::make_shared<const Credentials>(std::move(*loaded));
        next_attempt_ = now + pause;
    } catch (const Error&) {
        const std::lock_guard lock(mutex_);
        if (!holds(current_.get(), now)) throw;
        next_attempt_ = now + pause;
    }
}

std::shared_ptr<const Credentials> CredentialCache::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

} // namespace weightseal::remote
