#pragma once
// Buckets in the output of `terraform show -json`, of a state or a plan.

#include "storage/audit_input.hpp"

namespace weightseal::storage {

[[nodiscard]] bool is_terraform_state(const Json& json);

/// One input for each bucket and each key that has a policy, in the order of their names. Throws `not_a_policy`
/// where there is none.
[[nodiscard]] std::vector<AuditInput> inputs_of_terraform(const Json& json, std::string_view subject,
                                                          const AuditOptions& options);

} // namespace weightseal::storage
