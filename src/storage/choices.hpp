#pragma once
// Condition keys whose values a caller chooses for its own requests.

#include "storage/targets.hpp"

namespace weightseal::storage {

/// A key beside values by which the conditions of a policy differ; "absent" is always a choice beside them.
struct Choice {
    std::string key;
    std::vector<std::string> values;
    bool is_complete = true; ///< whatever else is chosen does what one of these does
};

/// Of a key of the policy, whoever may choose it.
[[nodiscard]] Choice choice_of(std::string_view key, const Policy& policy);

[[nodiscard]] bool is_choosable(std::string_view key, Service service, Group group, Part part, const Way& way);

/// Whether the key says something of the request that its sender left out where it is not there.
[[nodiscard]] bool is_of_request(std::string_view key);

/// The keys of variables in a text, in lower case.
[[nodiscard]] std::set<std::string> variables_of(std::string_view text);

/// All keys that a policy reads: of conditions, and of variables.
[[nodiscard]] std::set<std::string, std::less<>> keys_of(const Policy& policy);

} // namespace weightseal::storage
