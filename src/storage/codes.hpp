#pragma once
// Error codes of storage.

#include "weightseal/core/error.hpp"

namespace weightseal {

inline constexpr Errc policy_not_json = static_cast<Errc>(130);        ///< a policy or bundle that is not valid JSON
inline constexpr Errc policy_too_large = static_cast<Errc>(131);       ///< more bytes, depth or elements than are read
inline constexpr Errc duplicate_policy_field = static_cast<Errc>(132); ///< a field twice in one object
inline constexpr Errc unknown_policy_field = static_cast<Errc>(133);   ///< a field that the policy language has not
inline constexpr Errc missing_policy_field = static_cast<Errc>(134);   ///< a field that must be there is not
inline constexpr Errc policy_field_type = static_cast<Errc>(135);      ///< a value of another JSON type
inline constexpr Errc bad_policy_value = static_cast<Errc>(136);       ///< a value that the policy language forbids
inline constexpr Errc not_a_policy = static_cast<Errc>(137);           ///< JSON that is no document known here
inline constexpr Errc bad_bucket = static_cast<Errc>(138);             ///< not a name of a bucket or container
inline constexpr Errc bad_prefix = static_cast<Errc>(139);             ///< not a prefix that a policy can hold
inline constexpr Errc bad_principal = static_cast<Errc>(140);          ///< not a role, user or service account
inline constexpr Errc bad_unique_id = static_cast<Errc>(141);          ///< not the unique id of such a principal
inline constexpr Errc bad_account = static_cast<Errc>(142);            ///< not an account, or none can be told
inline constexpr Errc bad_region = static_cast<Errc>(143);             ///< not a region or partition
inline constexpr Errc bad_endpoint = static_cast<Errc>(144);           ///< not a VPC endpoint, network or subnet
inline constexpr Errc bad_storage_key = static_cast<Errc>(145);        ///< not a key of the provider's key service
inline constexpr Errc no_reader = static_cast<Errc>(146);              ///< an intent without anybody who may read
inline constexpr Errc duplicate_principal = static_cast<Errc>(147);    ///< one principal in two roles of an intent
inline constexpr Errc unknown_finding = static_cast<Errc>(148);        ///< no finding of this id

} // namespace weightseal
