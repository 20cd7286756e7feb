#include "storage/audit_input.hpp"

#include "storage/intent_json.hpp"
#include "storage/policy_reader.hpp"
#include "storage/rules.hpp"
#include "storage/terraform_state.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

bool is_of_key(const Policy& policy) {
    for (const Statement& statement : policy.statements)
        for (const std::string& action : statement.actions)
            if (action.starts_with("kms:")) return true;
    return false;
}

// A policy alone.
AuditInput from_policy(Policy policy, std::string_view subject, const AuditOptions& options) {
    const bool has_principals = std::ranges::any_of(
        policy.statements, [](const Statement& statement) { return !statement.principals.empty(); });
    if (!has_principals)
        throw Error(Errc::not_a_policy, subject, "names no principal: identity policies are not audited on their own");
    AuditInput input;
    (is_of_key(policy) ? input.key_policy : input.bucket_policy) = std::move(policy);
    derive_intent(input, options);
    return input;
}

std::map<std::string, std::string, std::less<>> read_unread(const Json& json, std::string_view subject) {
    std::map<std::string, std::string, std::less<>> unread;
    if (json.is_null()) return unread;
    if (!json.is_object()) throw Error(Errc::policy_field_type, subject, "unread is not an object");
    for (const auto& [name, reason] : json.items()) {
        if (!reason.is_string()) throw Error(Errc::policy_field_type, subject, "unread: a reason is not a text");
        unread.emplace(name, reason.get<std::string>());
    }
    return unread;
}

// Of `write_policy`, with an intent, or of `read_bucket`, with at least the name of the bucket.
AuditInput from_bundle(const Json& json, std::string_view subject, const AuditOptions& options) {
    if (!json.contains("version") || json["version"] != 1)
        throw Error(Errc::not_a_policy, subject, "is a bundle of a version that this build does not read");
    constexpr std::array fields{"version", "intent", "documents", "explanations", "bucket", "unread"};
    for (const auto& [name, value] : json.items())
        if (std::ranges::find(fields, name) == fields.end())
            throw Error(Errc::unknown_policy_field, subject, "has the field '" + name + "', which bundles have not");
    const Json& bucket = at(json, {"bucket"});
    if (!json.contains("intent") && !bucket.is_string())
        throw Error(Errc::missing_policy_field, subject, "has no intent");
    const Json& documents = json["documents"];
    if (!documents.is_object()) throw Error(Errc::policy_field_type, subject, "documents is not an object");
    AuditInput input;
    input.unread = read_unread(at(json, {"unread"}), subject);
    input.has_intent = json.contains("intent");
    if (input.has_intent)
        input.intent = read_intent(json["intent"], subject);
    else
        input.intent.bucket = bucket.get<std::string>();
    const auto policy = [&](std::string_view name) -> std::optional<Policy> {
        const auto found = documents.find(name);
        if (found == documents.end()) return std::nullopt;
        return read_policy(*found, std::string(subject) + ", " + std::string(name));
    };
    if (input.intent.provider == Provider::aws) {
        input.bucket_policy = policy("bucket_policy");
        input.key_policy = policy("key_policy");
    }
    for (const auto& [name, document] : documents.items())
        input.settings.emplace(name, document);
    if (!input.has_intent) derive_intent(input, options);
    return input;
}

// Once: a name may stand in several statements.
void put(std::vector<Finding>& list, Finding finding) {
    const bool is_known = std::ranges::any_of(list, [&](const Finding& other) {
        return other.rule == finding.rule && other.document == finding.document &&
               other.statement == finding.statement && other.request == finding.request;
    });
    if (!is_known) list.push_back(std::move(finding));
}

} // namespace

std::vector<AuditInput> audit_inputs(std::string_view text, std::string_view subject, const AuditOptions& options) {
    const Json json = parse_json(text, subject);
    if (!json.is_object()) throw Error(Errc::not_a_policy, subject, "is not an object");
    if (is_terraform_state(json)) return inputs_of_terraform(json, subject, options);
    std::vector<AuditInput> inputs;
    if (json.contains("documents"))
        inputs.push_back(from_bundle(json, subject, options));
    else if (json.contains("Statement") || json.contains("Version"))
        inputs.push_back(from_policy(read_policy(json, subject), subject, options));
    else
        throw Error(Errc::not_a_policy, subject,
                    "is neither a policy nor a bundle of `weightseal policy` nor the output of `terraform show -json`");
    return inputs;
}

std::string absence_of(const AuditInput& input, std::string_view document) {
    const auto unread = input.unread.find(document);
    if (unread != input.unread.end()) return unread->second;
    return fmt::format("there is no document {}", document);
}

void Findings::add(std::string_view rule, std::string_view document, std::string statement, std::string request,
                   bool is_certain, std::size_t cells) {
    put(report_.findings, {std::string(rule), rule_of(rule).severity, is_certain, std::string(document),
                           std::move(statement), std::move(request), cells});
}

void sort_findings(Report& report) {
    std::ranges::stable_sort(report.findings,
                             [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

void Findings::accept(std::string_view rule, std::string_view document, std::string request, std::size_t cells) {
    put(report_.accepted,
        {std::string(rule), rule_of(rule).severity, true, std::string(document), {}, std::move(request), cells});
}

} // namespace weightseal::storage
