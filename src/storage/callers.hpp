#pragma once
// Symbolic callers: one of each kind that policies can tell apart, among them the strangers that a policy's own
// patterns would let in.

#include "storage/json.hpp"
#include "weightseal/storage/aws_policy.hpp"
#include "weightseal/storage/intent.hpp"
#include "weightseal/storage/request.hpp"

#include <set>
#include <span>

namespace weightseal::storage {

enum class Part : std::uint8_t {
    anonymous,
    stranger, ///< of an account that nobody named
    service,  ///< on behalf of such an account
    named,    ///< of another account, which the policy names and the intent does not
    unlisted, ///< of the owner's account, not in the intent
    reader,
    publisher,
    break_glass,
    administrator,
    root,
};

struct SymbolicCaller {
    Part part = Part::anonymous;
    Caller caller;
    std::string words; ///< "a role of another account"
};

/// What policies compare, by condition key in lower case.
using ComparedValues = std::map<std::string, std::set<std::string>, std::less<>>;

[[nodiscard]] ComparedValues compared_values(std::span<const Policy* const> policies);

/// Those of one key.
[[nodiscard]] const std::set<std::string>& values_of(const ComparedValues& compared, std::string_view key);

/// An account that occurs in no policy.
[[nodiscard]] std::string strange_account(std::span<const Policy* const> policies);

/// @param exact_ids  whether members without a unique id are known not to be those whose ids policies hold
[[nodiscard]] std::vector<SymbolicCaller> symbolic_callers(const Intent& intent, bool exact_ids,
                                                           std::span<const Policy* const> policies);

} // namespace weightseal::storage
