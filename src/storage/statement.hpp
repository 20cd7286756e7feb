#pragma once
// Which callers, actions and resources a statement is about.

#include "weightseal/storage/aws_policy.hpp"
#include "weightseal/storage/request.hpp"

namespace weightseal::storage {

/// Whether a statement is about a caller, and whether only because it names the caller's whole account.
struct PrincipalMatch {
    Truth truth = Truth::no;
    bool by_account = false;
    Truth directly = Truth::no; ///< of one by account: whether the caller is named beside it, too
};

[[nodiscard]] PrincipalMatch about_caller(const Statement& statement, const Caller& caller);

/// @param action  in lower case
[[nodiscard]] bool about_action(const Statement& statement, std::string_view action) noexcept;

[[nodiscard]] Truth about_resource(const Statement& statement, std::string_view resource, const Context& context,
                                   bool has_variables);

/// All conditions.
[[nodiscard]] Truth conditions_hold(const Statement& statement, const Context& context, bool has_variables);

/// The account that a principal names as a whole: "111122223333" or arn:aws:iam::111122223333:root; else empty.
[[nodiscard]] std::string_view whole_account(std::string_view principal) noexcept;

} // namespace weightseal::storage
