#pragma once
// What tests of storage share: an intent, and policies to judge.

#include "weightseal/storage/audit.hpp"
#include "weightseal/storage/evaluate.hpp"
#include "weightseal/storage/policy.hpp"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::testing {

using Json = nlohmann::ordered_json;

/// Everything that an intent can say.
[[nodiscard]] storage::Intent full_intent();

/// The least.
[[nodiscard]] storage::Intent small_intent();

[[nodiscard]] Json bundle_of(const storage::Intent& intent);

[[nodiscard]] std::vector<std::string> rules_of(const storage::Report& report);
[[nodiscard]] bool finds(const storage::Report& report, std::string_view rule);
/// Whether it finds that, undecided by nothing.
[[nodiscard]] bool is_certain(const storage::Report& report, std::string_view rule);
/// The finding of a rule; a default one where there is none.
[[nodiscard]] storage::Finding finding_of(const storage::Report& report, std::string_view rule);

/// A bucket policy of these statements, which may leave out Version, Principal, Action and Resource.
[[nodiscard]] std::string policy_of(std::initializer_list<std::string_view> statements);

} // namespace weightseal::testing
