// Source: the REST API's storage account, blob service, container and role assignment; "Actions and attributes for
// Azure role assignment conditions for Azure Blob Storage".

#include "storage/document.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

struct Role {
    std::string_view name, id;
};
constexpr Role reader{"Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"};
constexpr Role contributor{"Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"};
constexpr Role owner{"Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"};

std::string scope_of(const Intent& intent) {
    return fmt::format("{}/blobServices/default/containers/{}", intent.account, intent.bucket);
}

// Reading a blob, but not listing them, is bound to the prefix; so is writing.
std::string condition_of(const Intent& intent) {
    constexpr std::string_view blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    return fmt::format("((!(ActionMatches{{'{0}/read'}} AND NOT SubOperationMatches{{'Blob.List'}}) AND "
                       "!(ActionMatches{{'{0}/write'}}) AND !(ActionMatches{{'{0}/add/action'}}) AND "
                       "!(ActionMatches{{'{0}/delete'}})) OR (@Resource[{0}:path] StringStartsWith '{1}'))",
                       blobs, intent.prefix);
}

class Assignments {
  public:
    explicit Assignments(const Intent& intent) : intent_(intent) {}

    void add(const Role& role, const std::vector<Member>& members, bool under_prefix) {
        for (const Member& member : members) {
            Json assignment{
                {"role", role.name},
                {"roleDefinitionId", fmt::format("/providers/Microsoft.Authorization/roleDefinitions/{}", role.id)},
                {"principalId", member.name},
                {"principalType", "ServicePrincipal"},
                {"scope", scope_of(intent_)}};
            command_ += fmt::format("{}az role assignment create --assignee-object-id {} --assignee-principal-type "
                                    "ServicePrincipal --role '{}' --scope {}",
                                    command_.empty() ? "" : "\n", member.name, role.name, scope_of(intent_));
            if (under_prefix && !intent_.prefix.empty()) {
                const std::string condition = condition_of(intent_);
                assignment["condition"] = condition;
                assignment["conditionVersion"] = "2.0";
                command_ += fmt::format(" --condition-version 2.0 --condition \"{}\"", condition);
            }
            list_.push_back(std::move(assignment));
        }
    }

    Document finish() {
        return {"role_assignments",
                "Roles, at the container: readers read blobs under the prefix; Azure has no built-in role that writes "
                "and does not read",
                std::move(list_),
                {},
                std::move(command_)};
    }

  private:
    const Intent& intent_;
    Json list_ = Json::array();
    std::string command_;
};

} // namespace

std::vector<Document> azure_documents(const Intent& intent) {
    std::vector<Document> documents;
    Json properties{{"allowBlobPublicAccess", false},
                    {"allowSharedKeyAccess", false},
                    {"defaultToOAuthAuthentication", true},
                    {"publicNetworkAccess", "Disabled"},
                    {"networkAcls", {{"defaultAction", "Deny"}, {"bypass", "None"}}},
                    {"supportsHttpsTrafficOnly", true},
                    {"minimumTlsVersion", "TLS1_2"},
                    {"allowCrossTenantReplication", false},
                    {"sasPolicy", {{"sasExpirationPeriod", "00.01:00:00"}, {"expirationAction", "Block"}}}};
    std::string command = fmt::format(
        "az storage account update --ids {} --allow-blob-public-access false --allow-shared-key-access false "
        "--public-network-access Disabled --default-action Deny --bypass None --https-only true --min-tls-version "
        "TLS1_2 --allow-cross-tenant-replication false --set defaultToOAuthAuthentication=true",
        intent.account);
    if (!intent.key.empty()) {
        const std::size_t keys = intent.key.find("/keys/");
        const std::string vault = intent.key.substr(0, keys), name = intent.key.substr(keys + 6);
        properties["encryption"] = {{"keySource", "Microsoft.Keyvault"},
                                    {"keyvaultproperties", {{"keyvaulturi", vault}, {"keyname", name}}}};
        command += fmt::format(" --encryption-key-source Microsoft.Keyvault --encryption-key-vault {} "
                               "--encryption-key-name {}",
                               vault, name);
    }
    documents.push_back({"storage_account",
                         "Storage account: no anonymous access, no shared keys, no public network, no plain HTTP",
                         {{"properties", std::move(properties)}},
                         {},
                         std::move(command)});
    documents.push_back(
        {"blob_service",
         "Blob service: old versions and deleted blobs are kept for 30 days",
         {{"properties",
           {{"isVersioningEnabled", true},
            {"deleteRetentionPolicy", {{"enabled", true}, {"days", 30}}},
            {"containerDeleteRetentionPolicy", {{"enabled", true}, {"days", 30}}}}}},
         {},
         fmt::format("az storage account blob-service-properties update --ids {} --enable-versioning true "
                     "--enable-delete-retention true --delete-retention-days 30 "
                     "--enable-container-delete-retention true --container-delete-retention-days 30",
                     intent.account)});
    const std::string account = intent.account.substr(intent.account.rfind('/') + 1);
    documents.push_back(
        {"container",
         "Container: private",
         {{"properties", {{"publicAccess", "None"}}}},
         {},
         fmt::format("az storage container set-permission --name {} --account-name {} --public-access off "
                     "--auth-mode login",
                     intent.bucket, account)});
    Assignments assignments(intent);
    assignments.add(reader, intent.readers, true);
    assignments.add(contributor, intent.publishers, true);
    assignments.add(owner, intent.break_glass, false);
    documents.push_back(assignments.finish());
    if (!intent.vpc_endpoints.empty()) {
        Json endpoints = Json::array();
        std::string commands;
        for (std::size_t i = 0; i < intent.vpc_endpoints.size(); ++i) {
            const std::string name = fmt::format("{}-blob-{}", account, i + 1);
            endpoints.push_back({{"name", name}, {"subnet", intent.vpc_endpoints[i]}, {"groupId", "blob"}});
            commands += fmt::format("{}az network private-endpoint create --name {} --resource-group "
                                    "\"${{RESOURCE_GROUP:?names no resource group}}\" --subnet {} "
                                    "--private-connection-resource-id {} --group-id blob --connection-name {}",
                                    i == 0 ? "" : "\n", name, intent.vpc_endpoints[i], intent.account, name);
        }
        documents.push_back(
            {"private_endpoints", "Private endpoints: the only way in", std::move(endpoints), {}, std::move(commands)});
    }
    return documents;
}

} // namespace weightseal::storage
