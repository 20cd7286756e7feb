#pragma once
// The evaluator: what AWS decides about a request to S3 or KMS, as far as policies tell.

#include "weightseal/storage/aws_policy.hpp" // Policy
#include "weightseal/storage/request.hpp"    // Request

#include <cstddef>  // std::size_t
#include <optional> // std::optional
#include <span>     // std::span
#include <string>   // std::string

namespace weightseal::storage {

enum class Service : std::uint8_t { s3, kms };

/// The policies that decide about one resource.
struct PolicySet {
    Service service = Service::s3;
    std::string owner_account;               ///< of the bucket or key; empty: not known
    const Policy* resource_policy = nullptr; ///< null: there is none
    /// All identity policies of the caller. Without them callers have what an administrator's policy gives: every
    /// action, so that only the resource policy keeps them out.
    std::optional<std::span<const Policy>> identity_policies;
    bool restrict_public_buckets = false; ///< the setting of the public access block
};

/// What decides, for explanations.
struct Decision {
    Truth allowed = Truth::no;
    std::optional<std::size_t> allow; ///< statement of the resource policy that allows, or may
    std::optional<std::size_t> deny;  ///< statement of the resource policy that denies, or may
};

/// Decides a request:
/// "Policy evaluation logic" of the IAM User Guide, with the rules for S3 and KMS: an explicit deny wins; a principal
/// of the owner's account needs an allow of either the resource policy or an identity policy (in KMS, the latter only
/// counts where the key policy allows the account); one of another account needs both. The owner's root user may
/// always read and replace a bucket policy.
///
/// A condition on a key whose value is not known, or with an operator that is not known, holds perhaps: an Allow under
/// it may allow, a Deny under it may not deny. The answer is yes or no only where that makes no difference.
/// Thread-safe.
[[nodiscard]] Decision evaluate(const PolicySet& policies, const Request& request);

/// Whether AWS calls a bucket policy public ("The meaning of public" of the S3 User Guide): an Allow to everyone that
/// no fixed value of one of a list of condition keys narrows. A public access block looks at this, and not at what
/// else the policy denies.
[[nodiscard]] Truth is_public(const Policy& policy);

} // namespace weightseal::storage
