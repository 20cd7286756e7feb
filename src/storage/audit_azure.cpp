// Azure: the switches of account and container, and role assignments against the intent.

#include "storage/audit_input.hpp"
#include "storage/document.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

struct Switch {
    std::string_view rule, document;
    std::array<std::string_view, 3> path; ///< shorter ones end with ""
    const char* wanted;                   ///< as JSON
};

constexpr std::array switches{
    Switch{"azure-anonymous-access", "storage_account", {"properties", "allowBlobPublicAccess"}, "false"},
    Switch{"azure-anonymous-access", "container", {"properties", "publicAccess"}, "\"None\""},
    Switch{"azure-shared-key", "storage_account", {"properties", "allowSharedKeyAccess"}, "false"},
    Switch{"azure-network-open", "storage_account", {"properties", "publicNetworkAccess"}, "\"Disabled\""},
    Switch{"azure-network-open", "storage_account", {"properties", "networkAcls", "defaultAction"}, "\"Deny\""},
    Switch{"azure-plain-http", "storage_account", {"properties", "supportsHttpsTrafficOnly"}, "true"},
    Switch{"azure-plain-http", "storage_account", {"properties", "minimumTlsVersion"}, "\"TLS1_2\""},
    Switch{"azure-cross-tenant", "storage_account", {"properties", "allowCrossTenantReplication"}, "false"},
    Switch{"azure-sas", "storage_account", {"properties", "sasPolicy", "expirationAction"}, "\"Block\""},
    Switch{"azure-no-versioning", "blob_service", {"properties", "isVersioningEnabled"}, "true"},
    Switch{"azure-no-versioning", "blob_service", {"properties", "deleteRetentionPolicy", "enabled"}, "true"},
};

// Whatever a document holds: texts need not be UTF-8.
std::string dumped(const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

bool is_met(const Json& value, const Switch& one) {
    if (value == Json::parse(one.wanted)) return true;
    return one.path[1] == "minimumTlsVersion" && value == "TLS1_3";
}

} // namespace

void audit_azure(const AuditInput& input, Findings& findings) {
    for (const std::string_view name : {"storage_account", "container", "blob_service"}) {
        const auto document = input.settings.find(name);
        if (document == input.settings.end() || !document->second.is_object()) {
            findings.not_checked(fmt::format("switches: there is no document {}", name));
            continue;
        }
        for (const Switch& one : switches) {
            if (one.document != name) continue;
            const bool is_deep = !one.path[2].empty();
            const Json& value = is_deep ? at(document->second, {one.path[0], one.path[1], one.path[2]})
                                        : at(document->second, {one.path[0], one.path[1]});
            if (!is_met(value, one))
                findings.add(one.rule, name, {},
                             fmt::format("{} is {}, not {}", one.path[is_deep ? 2 : 1], dumped(value), one.wanted));
        }
    }
    findings.not_checked("role assignments of the subscription, resource group and account, which also reach the "
                         "container; stored access policies, and the key vault's own policy");
    const auto assignments = input.settings.find("role_assignments");
    if (assignments == input.settings.end() || !assignments->second.is_array())
        return findings.not_checked("who has access: there is no document role_assignments");
    const std::vector<Document> documents = azure_documents(input.intent);
    const Json& wanted = std::ranges::find(documents, "role_assignments", &Document::name)->content;
    const auto contains = [](const Json& list, const Json& one) { return std::ranges::find(list, one) != list.end(); };
    for (const Json& one : assignments->second)
        if (!contains(wanted, one))
            findings.add("azure-unlisted-role", "role_assignments", {},
                         fmt::format("{} has {} at {}", dumped(at(one, {"principalId"})), dumped(at(one, {"role"})),
                                     dumped(at(one, {"scope"}))));
    for (const Json& one : wanted)
        if (one["role"] == "Storage Blob Data Reader" && !contains(assignments->second, one))
            findings.add("azure-reader-locked-out", "role_assignments", {}, one["principalId"].get<std::string>());
}

} // namespace weightseal::storage
