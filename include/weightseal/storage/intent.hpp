#pragma once
// The intent: who may do what with the objects under one prefix of one bucket. Documents are written from it, and held
// against it.

#include <cstdint>     // std::uint8_t
#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

enum class Provider : std::uint8_t { aws, gcs, azure };

/// "aws", "gcs" or "azure".
[[nodiscard]] std::string_view provider_name(Provider provider) noexcept;

/// Somebody the intent names.
struct Member {
    /// AWS: the ARN of a role or user. GCS: the address of a service account. Azure: the object id of an identity.
    std::string name;
    /// AWS: the unique id ("AROA…", "AIDA…"), so that a role of the same name which somebody makes later is another
    /// one. Optional; `aws iam get-role` shows it.
    std::string id;

    bool operator==(const Member&) const = default;

    /// "arn:aws:iam::111122223333:role/inference" or the same with "#AROA…".
    [[nodiscard]] static Member parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

struct Intent {
    Provider provider = Provider::aws;
    std::string bucket;    ///< Azure: the container
    std::string prefix;    ///< "" is the whole bucket; anything else ends with a slash
    std::string region;    ///< AWS: optional, narrows the key policy
    std::string partition; ///< AWS: "aws", "aws-cn" ...; by default that of the first reader
    /// AWS: the bucket owner's account, by default that of all members. GCS: the project. Azure: the resource id of the
    /// storage account.
    std::string account;
    std::vector<Member> readers;        ///< may read objects, nothing else
    std::vector<Member> publishers;     ///< may write objects, nothing else
    std::vector<Member> break_glass;    ///< may do everything, in an emergency
    std::vector<Member> administrators; ///< may change the configuration; none: whoever identity policies allow
    /// AWS: VPC endpoints through which readers must come; none: from anywhere. Azure: subnets for private endpoints.
    std::vector<std::string> vpc_endpoints;
    std::string key; ///< the key of the provider's key service that encrypts objects; "": one that is yet to be made

    bool operator==(const Intent&) const = default;

    /// Reads the JSON form: an object of these fields, members as texts, provider by name. Only "bucket" and "readers"
    /// are required. Throws what a policy in JSON is refused by, and what `complete` throws.
    [[nodiscard]] static Intent parse(std::string_view json, std::string_view subject = "intent");

    /// The JSON form.
    [[nodiscard]] std::string json() const;

    /// Fills in what follows from the rest and checks everything. Throws `bad_bucket`, `bad_prefix`,
    /// `bad_principal`, `bad_unique_id`, `bad_account`, `bad_region`, `bad_endpoint`,
    /// `bad_storage_key`, `no_reader` or `duplicate_principal`.
    void complete();
};

} // namespace weightseal::storage
