#pragma once
// Conditions and policy variables.

#include "weightseal/storage/aws_policy.hpp"
#include "weightseal/storage/request.hpp"

namespace weightseal::storage {

/// A text of a policy with its variables replaced.
struct Expanded {
    Truth usable = Truth::yes; ///< no: a variable has no value; unknown: the text cannot be told
    std::string text;          ///< with * for what cannot be told
};

/// @param has_wildcards  whether * and ? in the text are wildcards
[[nodiscard]] Expanded expand(std::string_view text, const Context& context, bool has_wildcards);

/// @param has_variables  of the policy
[[nodiscard]] Truth holds(const Condition& condition, const Context& context, bool has_variables);

} // namespace weightseal::storage
