// What an intent must obey. Names end in documents, commands and Terraform: what could mean anything there is refused.

#include "weightseal/storage/intent.hpp"

#include "core/text.hpp"
#include "storage/network.hpp"
#include "storage/text.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace weightseal::storage {
namespace {

bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Whether a text has only letters, digits and the characters of `more`.
bool consists_of(std::string_view text, std::string_view more) noexcept {
    return std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || more.find(c) != more.npos; });
}

bool is_hexadecimal(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

[[noreturn]] void refuse(Errc code, std::string_view what, std::string_view value, std::string_view must) {
    throw Error(code, "intent", fmt::format("{} '{}' {}", what, value, must));
}

// ---- Names of buckets. The lower bound of three characters is left to the provider: a shorter name opens nothing.

void check_bucket(const std::string& name) {
    const auto is_edge = [](char c) { return is_lower(c) || is_digit(c); };
    const bool charset = std::ranges::all_of(name, [&](char c) { return is_edge(c) || c == '.' || c == '-'; });
    if (name.empty() || name.size() > 63 || !charset || !is_edge(name.front()) || !is_edge(name.back()))
        refuse(Errc::bad_bucket, "bucket", name,
               "must have at most 63 lower-case letters, digits, dots and hyphens, with letters or digits at its ends");
    if (name.find("..") != name.npos || Network::parse(name))
        refuse(Errc::bad_bucket, "bucket", name, "is no host name");
}

void check_s3_bucket(const std::string& name) {
    check_bucket(name);
    constexpr std::array<std::string_view, 3> prefixes{"xn--", "sthree-", "amzn-s3-demo-"};
    constexpr std::array<std::string_view, 5> suffixes{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
    if (std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); }) ||
        std::ranges::any_of(suffixes, [&](auto suffix) { return name.ends_with(suffix); }))
        refuse(Errc::bad_bucket, "bucket", name, "has a beginning or end that S3 reserves for other things");
}

void check_prefix(const std::string& prefix) {
    // Wildcards and variables would mean something else in a policy, quotes in a condition of GCS and Azure.
    if (prefix.size() > 512 || !consists_of(prefix, "/-_.!+=,@ ") || prefix.starts_with('/'))
        refuse(Errc::bad_prefix, "prefix", prefix,
               "must have at most 512 letters, digits, and / - _ . ! + = , @ and spaces");
}

// ---- AWS

bool is_partition(std::string_view text) noexcept {
    return text.starts_with("aws") && text.size() <= 32 &&
           std::ranges::all_of(text, [](char c) { return is_lower(c) || c == '-'; });
}

bool is_region(std::string_view text) noexcept {
    const bool charset = std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
    return charset && text.size() >= 9 && text.size() <= 32 && is_lower(text[0]) && is_digit(text.back()) &&
           std::ranges::count(text, '-') >= 2;
}

void check_member(const Intent& intent, const Member& member) {
    const auto arn = Arn::parse(member.name);
    const bool is_role = arn && arn->resource.starts_with("role/");
    const bool is_user = arn && arn->resource.starts_with("user/");
    if (!arn || arn->service != "iam" || !arn->region.empty() || !is_account(arn->account) || !(is_role || is_user) ||
        arn->resource.size() == 5 || member.name.size() > 1024 || !consists_of(arn->resource, "+=,.@-_/") ||
        arn->resource.ends_with('/'))
        refuse(Errc::bad_principal, "principal", member.name,
               "must be the ARN of a role or user, such as arn:aws:iam::111122223333:role/inference");
    if (arn->partition != intent.partition)
        refuse(Errc::bad_region, "principal", member.name, fmt::format("is not in the partition {}", intent.partition));
    if (!member.id.empty() && (!is_unique_id(member.id) || member.id.starts_with("AROA") != is_role))
        refuse(Errc::bad_unique_id, "id", member.id,
               is_role ? "must be a role's: AROA and letters and digits"
                       : "must be a user's: AIDA and letters and digits");
}

void check_key(const Intent& intent) {
    const auto arn = Arn::parse(intent.key);
    if (!arn || arn->partition != intent.partition || arn->service != "kms" || !is_region(arn->region) ||
        !is_account(arn->account) || !arn->resource.starts_with("key/") || arn->resource.size() > 128 ||
        !consists_of(arn->resource, "/-"))
        refuse(Errc::bad_storage_key, "key", intent.key, "must be the ARN of a KMS key");
    if (!intent.region.empty() && arn->region != intent.region)
        refuse(Errc::bad_storage_key, "key", intent.key, "must be in the region of the bucket");
}

template <class Visit>
void for_each_member(const Intent& intent, const Visit& visit) {
    for (const auto* list : {&intent.readers, &intent.publishers, &intent.break_glass, &intent.administrators})
        for (const Member& member : *list)
            visit(member);
}

void complete_aws(Intent& intent) {
    check_s3_bucket(intent.bucket);
    if (intent.partition.empty()) {
        const auto arn = Arn::parse(intent.readers[0].name);
        intent.partition = arn ? std::string(arn->partition) : "aws";
    }
    if (!is_partition(intent.partition))
        refuse(Errc::bad_region, "partition", intent.partition, "must be one such as aws-cn");
    if (!intent.region.empty() && !is_region(intent.region))
        refuse(Errc::bad_region, "region", intent.region, "must be one such as eu-central-1");
    std::set<std::string> accounts;
    for_each_member(intent, [&](const Member& member) {
        check_member(intent, member);
        accounts.emplace(Arn::parse(member.name)->account);
    });
    if (intent.account.empty()) {
        if (accounts.size() > 1)
            throw Error(Errc::bad_account, "intent", "members are of several accounts: say which one owns the bucket");
        intent.account = *accounts.begin();
    }
    if (!is_account(intent.account)) refuse(Errc::bad_account, "account", intent.account, "must have 12 digits");
    for (const std::string& endpoint : intent.vpc_endpoints) {
        constexpr std::string_view start = "vpce-";
        if (!endpoint.starts_with(start) || endpoint.size() < start.size() + 8 || endpoint.size() > start.size() + 17 ||
            !is_hexadecimal(std::string_view(endpoint).substr(start.size())))
            refuse(Errc::bad_endpoint, "VPC endpoint", endpoint, "must be one such as vpce-0123456789abcdef0");
    }
    if (!intent.key.empty()) check_key(intent);
}

// ---- GCS

void complete_gcs(Intent& intent) {
    check_bucket(intent.bucket);
    for_each_member(intent, [](const Member& member) {
        constexpr std::string_view end = ".gserviceaccount.com";
        const std::size_t at = member.name.find('@');
        if (at == member.name.npos || at == 0 || !member.name.ends_with(end) || member.name.size() > 320 ||
            !consists_of(member.name.substr(0, at), "-.") || !consists_of(member.name.substr(at + 1), "-."))
            refuse(Errc::bad_principal, "principal", member.name,
                   "must be the address of a service account, such as inference@project.iam.gserviceaccount.com");
        if (!member.id.empty()) refuse(Errc::bad_unique_id, "id", member.id, "is none of GCS");
    });
    const auto is_project = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
    if (intent.account.size() > 30 || !std::ranges::all_of(intent.account, is_project))
        refuse(Errc::bad_account, "account", intent.account, "must be a project id");
    if (!intent.vpc_endpoints.empty())
        refuse(Errc::bad_endpoint, "VPC endpoint", intent.vpc_endpoints[0],
               "is none of GCS, where service perimeters of the organisation do this");
    if (!intent.key.empty() && (!intent.key.starts_with("projects/") || !consists_of(intent.key, "/-_") ||
                                intent.key.find("/cryptoKeys/") == intent.key.npos || intent.key.size() > 512))
        refuse(Errc::bad_storage_key, "key", intent.key, "must be projects/…/locations/…/keyRings/…/cryptoKeys/…");
}

// ---- Azure

bool is_guid(std::string_view text) noexcept {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_hyphen ? text[i] != '-' : !is_hexadecimal(text.substr(i, 1))) return false;
    }
    return true;
}

bool is_resource_id(std::string_view text, std::string_view kind) noexcept {
    return text.starts_with("/subscriptions/") && text.find(kind) != text.npos && text.size() <= 1024 &&
           consists_of(text, "/-_.()") && !text.ends_with('/');
}

void complete_azure(Intent& intent) {
    check_bucket(intent.bucket);
    if (intent.bucket.find('.') != intent.bucket.npos || intent.bucket.find("--") != intent.bucket.npos)
        refuse(Errc::bad_bucket, "container", intent.bucket, "must not have dots or two hyphens in a row");
    for_each_member(intent, [](const Member& member) {
        if (!is_guid(member.name))
            refuse(Errc::bad_principal, "principal", member.name,
                   "must be the object id of an identity, in lower case, such as 01234567-89ab-cdef-0123-456789abcdef");
        if (!member.id.empty())
            refuse(Errc::bad_unique_id, "id", member.id, "is none of Azure, where object ids are unique");
    });
    if (!is_resource_id(intent.account, "/providers/Microsoft.Storage/storageAccounts/"))
        refuse(Errc::bad_account, "account", intent.account,
               "must be /subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/…");
    for (const std::string& subnet : intent.vpc_endpoints)
        if (!is_resource_id(subnet, "/subnets/"))
            refuse(Errc::bad_endpoint, "subnet", subnet, "must be the resource id of a subnet");
    if (!intent.key.empty() && (!intent.key.starts_with("https://") || !consists_of(intent.key, ":/-.") ||
                                intent.key.find("/keys/") == intent.key.npos || intent.key.size() > 512))
        refuse(Errc::bad_storage_key, "key", intent.key, "must be https://VAULT.vault.azure.net/keys/NAME");
}

} // namespace

std::string_view provider_name(Provider provider) noexcept {
    constexpr std::array<std::string_view, 3> names{"aws", "gcs", "azure"};
    const auto i = static_cast<std::size_t>(provider);
    return i < names.size() ? names[i] : "?";
}

Member Member::parse(std::string_view text) {
    const std::size_t mark = text.find('#');
    if (mark == text.npos) return {std::string(text), {}};
    if (mark + 1 == text.size()) refuse(Errc::bad_unique_id, "principal", text, "has no id after #");
    return {std::string(text.substr(0, mark)), std::string(text.substr(mark + 1))};
}

std::string Member::text() const {
    return id.empty() ? name : name + '#' + id;
}

void Intent::complete() {
    if (readers.empty()) throw Error(Errc::no_reader, "intent", "names nobody who may read");
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/'; // else "weights" would open "weights-of-others/"
    check_prefix(prefix);
    std::set<std::string_view> names;
    for_each_member(*this, [&](const Member& member) {
        if (!names.insert(member.name).second)
            refuse(Errc::duplicate_principal, "principal", member.name, "stands twice");
    });
    if (provider != Provider::aws && !(region.empty() && partition.empty()))
        refuse(Errc::bad_region, "region", region + partition, "is asked for by AWS only");
    switch (provider) {
    case Provider::aws: return complete_aws(*this);
    case Provider::gcs: return complete_gcs(*this);
    case Provider::azure: return complete_azure(*this);
    }
}

} // namespace weightseal::storage
