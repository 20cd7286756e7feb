// References: CIS AWS Foundations 5.0, CIS GCP Foundations 4.0, CIS Azure Foundations 5.0, AWS Foundational Security
// Best Practices, Prowler, Checkov.

#include "storage/rules.hpp"

#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

constexpr std::array all_rules{
    // Who gets in
    Rule{"public-access", Severity::critical, "Strangers have access",
         "Somebody without credentials, or with those of any account, gets in.",
         "Narrow the Allow to the ARNs of roles, and deny everyone else by aws:userid.",
         "CIS AWS 2.1.4; FSBP S3.2, S3.3; prowler s3_bucket_public_access, s3_bucket_policy_public_write_access; "
         "CKV_AWS_70"},
    Rule{"allow-not-principal", Severity::critical, "An Allow is for everyone but some",
         "Allow with NotPrincipal allows the whole world, anonymous callers included, but those it lists.",
         "Use Principal with the ARNs of those who may.", "FSBP S3.2; CKV_AWS_70"},
    Rule{"network-grant", Severity::high, "Whoever is in a network has access",
         "A network is no identity: everybody and everything behind its address gets in, without credentials.",
         "Allow roles; use networks in a Deny only.", "FSBP S3.6; prowler s3_bucket_cross_account_access"},
    Rule{"cross-account-access", Severity::high, "Another account has access",
         "The policy lets in an account or a principal of one that the intent does not name.",
         "Remove the principal, or name it as a reader.", "FSBP S3.6; prowler s3_bucket_cross_account_access"},
    Rule{"service-on-behalf", Severity::high, "A service of AWS gets in on behalf of strangers",
         "A service is allowed without saying for whom it works: anybody can set it to work for himself.",
         "Add aws:SourceAccount or a full aws:SourceArn to the Allow.", "FSBP S3.6"},
    Rule{"unlisted-reader", Severity::high, "Others of the account can read or list",
         "Nothing keeps out a principal of the account whose identity policy allows s3:*, or who is an administrator.",
         "Deny everyone else by aws:userid, on the bucket and on its objects.", "FSBP S3.6; CIS AWS 2.1.4"},
    Rule{"unlisted-writer", Severity::high, "Others of the account can write or delete",
         "Nothing keeps out a principal of the account whose identity policy allows s3:*: weights can be replaced.",
         "Deny everyone else by aws:userid, on the bucket and on its objects.", "FSBP S3.6"},
    Rule{"unlisted-administrator", Severity::high, "Others than the named administrators can change the configuration",
         "Whoever can replace the policy can let anybody in.",
         "Deny s3:PutBucket*, s3:DeleteBucket* and s3:Put*Configuration but for administrators.",
         "CIS AWS 4.8; FSBP S3.6"},
    Rule{"administrators-unnamed", Severity::medium, "Whoever identity policies allow can change the configuration",
         "Whoever can replace the policy can let anybody in.", "Name administrators, and deny changes but for them.",
         "CIS AWS 4.8"},
    Rule{
        "reader-unrestricted", Severity::high, "A reader can do more than read",
        "The role that inference runs under may write, list, read elsewhere or change the configuration if an identity "
        "policy allows it: whoever breaks into the server can replace the weights.",
        "Deny NotAction [s3:GetObject, s3:GetObjectVersion] for readers.", "FSBP S3.6"},
    Rule{"publisher-unrestricted", Severity::high, "A publisher can do more than upload",
         "Whoever breaks into the build can read or delete weights.",
         "Deny NotAction [s3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts] for publishers.",
         "FSBP S3.6"},
    Rule{"allow-too-wide", Severity::medium, "An Allow offers more than the intent",
         "Another statement denies it today; once that changes, the offer stands.",
         "Narrow the Allow to the principals, actions and objects of the intent.", "CKV_AWS_70"},
    Rule{"new-access", Severity::high, "Somebody has access who had none",
         "A request that the earlier policy refused, or may have refused, is allowed.",
         "Keep the earlier statement, or name the caller in the intent.", ""},
    Rule{
        "existence-revealed", Severity::low, "Refusals tell which objects exist",
        "Who asks for an object that is not there is told so, and by guessing learns the names of models and versions.",
        "Do not let others than administrators list the bucket: S3 then answers 403 for what is not there.", ""},
    // How they get in
    Rule{"tls-not-enforced", Severity::high, "Plain HTTP is allowed",
         "Requests can be made without TLS: what is read, and who asked, passes the network in clear.",
         "Deny s3:* to everyone on the bucket and on its objects if aws:SecureTransport is false.",
         "CIS AWS 2.1.1; FSBP S3.5; prowler s3_bucket_secure_transport_policy; CKV_AWS_379"},
    Rule{"network-open", Severity::high, "Objects can be read from outside of the VPC endpoints",
         "Stolen credentials of a reader work from anywhere.",
         "Deny s3:GetObject* if aws:SourceVpce is none of the endpoints, with StringNotEquals, which an absent key "
         "fulfils.",
         "FSBP S3.6"},
    Rule{"no-vpc-endpoint", Severity::medium, "Objects can be read from anywhere",
         "Stolen credentials of a reader work from anywhere.", "Name a VPC endpoint, and deny reading elsewhere.", ""},
    Rule{"presigned-allowed", Severity::medium, "Presigned URLs work",
         "Whoever may read can make a link that works for everybody for up to seven days.",
         "Deny s3:* if s3:authType is REST-QUERY-STRING or POST.", ""},
    // Who is kept out by mistake
    Rule{"admin-lockout", Severity::high, "Nobody but the root user can repair the policy",
         "All administrators are denied: the next change takes the root user's credentials.",
         "Exempt an administrator and a break-glass role from the Deny.", "CKV_AWS_93"},
    Rule{"administrator-locked-out", Severity::medium, "An administrator cannot change the configuration",
         "What the intent names is not possible; others can still repair it.",
         "Exempt it from the Deny, and allow it kms:PutKeyPolicy in the key policy.", ""},
    Rule{"break-glass-locked-out", Severity::high, "Break-glass does not work",
         "The role for emergencies cannot do everything.",
         "Exempt it from every Deny but those of TLS and presigned URLs.", ""},
    Rule{"reader-locked-out", Severity::high, "A reader cannot read",
         "What the intent names is not possible: an engine will fail to load its weights.",
         "Allow s3:GetObject and s3:GetObjectVersion for it, and kms:Decrypt in the key policy.", ""},
    Rule{"reader-not-granted", Severity::medium, "The policy does not itself allow a reader",
         "Reading depends on identity policies, which these documents do not show.",
         "Allow s3:GetObject and s3:GetObjectVersion for it.", ""},
    Rule{"publisher-locked-out", Severity::high, "A publisher cannot upload", "What the intent names is not possible.",
         "Allow s3:PutObject for it, and kms:GenerateDataKey in the key policy.", ""},
    Rule{"publisher-not-granted", Severity::medium, "The policy does not itself allow a publisher",
         "Uploading depends on identity policies, which these documents do not show.", "Allow s3:PutObject for it.",
         ""},
    // How the document is written
    Rule{"access-point-delegation", Severity::high, "Access is left to access points",
         "Everyone is allowed who comes through an access point: its own policy, which is not here, decides.",
         "Audit the policies of the access points, or remove the statement.",
         "FSBP S3.19; prowler s3_access_point_public_access_block"},
    Rule{"unknown-operator", Severity::high, "A condition has an operator that AWS does not document",
         "What it does cannot be told; AWS refuses the document, other servers may ignore it.", "Correct the operator.",
         ""},
    Rule{"invalid-principal", Severity::high, "A principal is none",
         "A placeholder, or a wildcard where AWS takes none: the document is refused, or means nobody.",
         "Write a full ARN with an account of 12 digits.", ""},
    Rule{"principal-by-name", Severity::medium, "A condition trusts a name",
         "aws:PrincipalArn is a name: who deletes the role and makes one of the same name inherits its access.",
         "Compare aws:userid with the unique id: \"AROA…:*\".", ""},
    Rule{"refused-as-public", Severity::medium, "AWS calls the policy public",
         "A public access block refuses it or cuts it down, although other statements deny.",
         "Narrow the Allow by its principals.", "prowler s3_bucket_public_access"},
    // Settings of AWS
    Rule{"public-access-block", Severity::critical, "The public access block is incomplete",
         "One mistake in a policy or access control list opens the bucket to the world.",
         "Turn on all four switches, on the bucket and on the account.",
         "CIS AWS 2.1.4; FSBP S3.1, S3.8; prowler s3_bucket_level_public_access_block, "
         "s3_account_level_public_access_blocks; CKV_AWS_53, CKV_AWS_54, CKV_AWS_55, CKV_AWS_56, CKV2_AWS_6"},
    Rule{"acls-enabled", Severity::medium, "Access control lists are in force",
         "Objects can be opened one by one, beside every policy.", "Set ObjectOwnership to BucketOwnerEnforced.",
         "FSBP S3.12; prowler s3_bucket_acl_prohibited"},
    Rule{"public-acl", Severity::critical, "The access control list of the bucket lets in strangers",
         "Everyone, or whoever has an account of AWS, is granted something beside every policy. Only IgnorePublicAcls "
         "or BucketOwnerEnforced keep it from having effect.",
         "Remove the grant, and set ObjectOwnership to BucketOwnerEnforced.",
         "CIS AWS 2.1.4; FSBP S3.2, S3.3; prowler s3_bucket_public_list_acl, s3_bucket_public_write_acl; CKV_AWS_20, "
         "CKV_AWS_57, CKV2_AWS_43"},
    Rule{"replication", Severity::high, "Objects are copied to another bucket",
         "Whoever may read there has the weights, whatever this bucket's policy says.",
         "Audit that bucket, too, or remove the rule.", ""},
    Rule{"no-key", Severity::medium, "Objects are not encrypted under a key of your own",
         "Without a key policy the bucket policy is all there is.", "Set aws:kms and a key as the default encryption.",
         "FSBP S3.17; prowler s3_bucket_kms_encryption; CKV_AWS_145"},
    Rule{"no-versioning", Severity::medium, "Versioning is off",
         "Weights that are overwritten or deleted are gone, and a reader cannot pin what it reads.",
         "Turn on versioning.", "FSBP S3.14; prowler s3_bucket_object_versioning; CKV_AWS_21"},
    Rule{"no-object-lock", Severity::low, "Object Lock is off", "Whoever may delete, may delete every version.",
         "Turn on Object Lock with a default retention.", "FSBP S3.15; prowler s3_bucket_object_lock; CKV_AWS_143"},
    Rule{"no-data-events", Severity::medium, "Reads and writes are not recorded",
         "Nobody can tell afterwards who read the weights.", "Record data events of all objects, reads and writes.",
         "CIS AWS 3.8, 3.9; FSBP S3.22, S3.23"},
    // Keys
    Rule{"key-public", Severity::critical, "Strangers can use the key", "The key policy lets in any account.",
         "Allow the ARNs of readers.", "CKV_AWS_33"},
    Rule{"key-unlisted", Severity::high, "Others can decrypt",
         "The key policy lets in more than the bucket policy, for instance by leaving the key to identity policies.",
         "Allow kms:Decrypt to readers alone, and not to the account.", ""},
    Rule{"key-wider-than-bucket", Severity::high, "The key can be used beside the bucket",
         "Members can decrypt or encrypt directly, or for other buckets.",
         "Add kms:ViaService and kms:EncryptionContext:aws:s3:arn to the Allow.", ""},
    Rule{"key-member-unrestricted", Severity::high, "A reader or publisher can do more with the key than its job takes",
         "Whoever breaks into the server can give the key to anybody.",
         "Allow members kms:Decrypt and "
         "kms:GenerateDataKey only.",
         ""},
    Rule{"key-unlisted-administrator", Severity::high, "Others than the named administrators can manage the key",
         "Whoever can replace the key policy or make grants can let anybody decrypt.",
         "Allow administrators by ARN, and the account for its root user only.", ""},
    Rule{"key-administrators-unnamed", Severity::medium, "Whoever identity policies allow can manage the key",
         "Whoever can replace the key policy can let anybody decrypt.", "Name administrators.", ""},
    Rule{"key-admin-lockout", Severity::high, "No administrator can change the key policy",
         "The key is out of reach, and with it the weights.", "Allow administrators kms:PutKeyPolicy.", ""},
    Rule{"key-root-lockout", Severity::medium, "The root user cannot change the key policy",
         "When the administrators' roles are deleted, only AWS Support can help.",
         "Allow the account, narrowed by aws:PrincipalType = Account.", ""},
    Rule{"key-reader-locked-out", Severity::high, "A reader cannot decrypt", "An engine will fail to load its weights.",
         "Allow kms:Decrypt through S3.", ""},
    Rule{"key-publisher-locked-out", Severity::high, "A publisher cannot encrypt", "An upload will fail.",
         "Allow kms:GenerateDataKey through S3.", ""},
    // GCS
    Rule{"gcs-public-access-prevention", Severity::critical, "Public access is not prevented",
         "One binding opens the bucket to the world.", "Set publicAccessPrevention to enforced.",
         "CIS GCP 5.1; prowler cloudstorage_bucket_public_access; CKV_GCP_114"},
    Rule{"gcs-public-member", Severity::critical, "A role is bound to the world",
         "allUsers or allAuthenticatedUsers are members.", "Remove the binding.",
         "CIS GCP 5.1; prowler cloudstorage_bucket_public_access; CKV_GCP_28"},
    Rule{"gcs-unlisted-member", Severity::high, "Others have a role on the bucket",
         "A binding is to somebody, with a role or objects, that the intent does not name.",
         "Remove or narrow the binding.", ""},
    Rule{"gcs-reader-locked-out", Severity::high, "A reader cannot read", "Its binding is missing.",
         "Bind roles/storage.objectViewer.", ""},
    Rule{"gcs-acls-enabled", Severity::high, "Access control lists are in force",
         "Objects can be opened one by one, beside every policy.", "Turn on uniform bucket-level access.",
         "CIS GCP 5.2; prowler cloudstorage_bucket_uniform_bucket_level_access; CKV_GCP_29"},
    Rule{"gcs-no-versioning", Severity::medium, "Versioning is off", "Weights that are overwritten are gone.",
         "Turn on versioning.", "prowler cloudstorage_bucket_versioning_enabled; CKV_GCP_78"},
    // Azure
    Rule{"azure-anonymous-access", Severity::critical, "Anonymous access is possible",
         "The account or the container lets in callers without credentials.",
         "Set allowBlobPublicAccess to false and publicAccess to None.",
         "CIS Azure 9.3.8; prowler storage_blob_public_access_level_is_disabled; CKV_AZURE_59, CKV_AZURE_190"},
    Rule{"azure-shared-key", Severity::high, "Shared keys work",
         "The account's key opens everything to whoever has it, and signs tokens for others.",
         "Set allowSharedKeyAccess to false.",
         "CIS Azure 9.3.1.3; prowler storage_account_key_access_disabled; CKV2_AZURE_40"},
    Rule{"azure-network-open", Severity::high, "The account is open to networks",
         "Stolen credentials work from anywhere.", "Set publicNetworkAccess to Disabled and defaultAction to Deny.",
         "CIS Azure 9.3.2.2, 9.3.2.3; prowler storage_account_public_network_access_disabled, "
         "storage_default_network_access_rule_is_denied; CKV_AZURE_35, CKV_AZURE_59"},
    Rule{"azure-plain-http", Severity::high, "Plain HTTP or old TLS is allowed", "What is read can be read on its way.",
         "Set supportsHttpsTrafficOnly to true and minimumTlsVersion to TLS1_2.",
         "CIS Azure 9.3.4, 9.3.6; prowler storage_secure_transfer_required_is_enabled; CKV_AZURE_3, CKV_AZURE_44"},
    Rule{"azure-cross-tenant", Severity::high, "Objects can be replicated to another tenant",
         "A copy of the weights can be kept elsewhere.", "Set allowCrossTenantReplication to false.",
         "CIS Azure 9.3.7; prowler storage_cross_tenant_replication_disabled"},
    Rule{"azure-unlisted-role", Severity::high, "Others have a role on the container",
         "A role is assigned to somebody, or with more rights, objects or scope, than the intent names.",
         "Remove or narrow the assignment.", ""},
    Rule{"azure-reader-locked-out", Severity::high, "A reader cannot read", "Its role is missing.",
         "Assign Storage Blob Data Reader at the container.", ""},
    Rule{"azure-sas", Severity::medium, "Shared access signatures are not bounded",
         "A link that somebody made works for as long as he liked.", "Set sasPolicy.expirationAction to Block.", ""},
    Rule{"azure-no-versioning", Severity::medium, "Versioning or soft delete is off",
         "Weights that are overwritten or deleted are gone.", "Turn on both.",
         "prowler storage_ensure_soft_delete_is_enabled, storage_blob_versioning_is_enabled"},
};

} // namespace

std::string_view severity_name(Severity severity) noexcept {
    constexpr std::array<std::string_view, 4> names{"low", "medium", "high", "critical"};
    const auto i = static_cast<std::size_t>(severity);
    return i < names.size() ? names[i] : "?";
}

std::span<const Rule> rules() noexcept {
    return all_rules;
}

const Rule& rule_of(std::string_view id) {
    const auto found = std::ranges::find(all_rules, id, &Rule::id);
    if (found == all_rules.end())
        throw Error(Errc::unknown_finding, "rules", fmt::format("there is no finding '{}'", id));
    return *found;
}

} // namespace weightseal::storage
