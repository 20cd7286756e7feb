#pragma once
// From statements that apply to the decision.

#include "storage/statement.hpp"
#include "weightseal/storage/evaluate.hpp"

#include <algorithm>

namespace weightseal::storage {

/// The statements of one kind that apply, strongest first come.
struct Strongest {
    Truth truth = Truth::no;
    std::optional<std::size_t> statement;

    void add(Truth applies, std::size_t i) noexcept {
        if (applies <= truth) return;
        truth = applies;
        statement = i;
    }
};

/// What the policies of a request say.
struct Said {
    Strongest direct;            ///< allows of the resource policy that name the caller, or everyone
    Strongest by_account;        ///< ... that name the caller's whole account
    Strongest denied;            ///< denies of the resource policy
    Truth identity = Truth::yes; ///< whether identity policies allow
    Truth identity_denied = Truth::no;

    /// Statement `i` of the resource policy.
    /// @param applies  as far as action, resource and conditions tell
    void add(Effect effect, const PrincipalMatch& about, Truth applies, std::size_t i) noexcept {
        Strongest& kind = effect == Effect::deny ? denied : about.by_account ? by_account : direct;
        kind.add(std::min(about.truth, applies), i);
        if (effect == Effect::allow) direct.add(std::min(about.directly, applies), i);
    }
};

/// @param is_public  what `is_public` says of the resource policy
[[nodiscard]] Decision decide(const PolicySet& policies, const Caller& caller, std::string_view action,
                              const Said& said, Truth is_public);

} // namespace weightseal::storage
