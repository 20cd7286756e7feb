#pragma once
// What is asked for, and how: actions with their resources, and the ways a request can come.

#include "storage/callers.hpp"
#include "weightseal/storage/evaluate.hpp"

namespace weightseal::storage {

enum class Group : std::uint8_t { read, list, write, read_configuration, change_configuration };
inline constexpr std::size_t group_count = 5;

struct Target {
    Group group = Group::read;
    std::string action;
    std::string resource;   ///< its ARN
    bool in_prefix = false; ///< an object that the intent is about
    std::string words;      ///< "object models/x"
};

enum class Signing : std::uint8_t { none, header, query, form };

/// What calls KMS for the caller.
enum class Via : std::uint8_t { nothing, s3, another_service };

struct Way {
    bool is_tls = true;
    bool is_wide = true;     ///< open to anybody: the Internet, or a network of the caller's own
    bool is_intended = true; ///< a VPC endpoint of the intent, or there are none in it
    Signing signing = Signing::header;
    Via via = Via::nothing;
    std::vector<std::pair<std::string, std::string>> keys; ///< condition keys of the network
    std::string words;                                     ///< "over plain HTTP from the Internet"
};

/// Objects that the policies tell apart, and the bucket.
[[nodiscard]] std::vector<Target> s3_targets(const Intent& intent, std::span<const Policy* const> policies,
                                             std::span<const SymbolicCaller> callers);
[[nodiscard]] std::vector<Target> kms_targets(const Intent& intent);

[[nodiscard]] std::vector<Way> s3_ways(const Intent& intent, std::span<const Policy* const> policies);
[[nodiscard]] std::vector<Way> kms_ways(const Intent& intent, std::span<const Policy* const> policies);

/// Of an account that nobody named.
inline constexpr std::string_view strange_organisation = "o-stranger00";
inline constexpr std::string_view strange_organisation_path = "o-stranger00/r-stra/ou-stra-00000000/";

/// A request but for its target.
struct RequestParts {
    const Intent& intent;
    Service service = Service::s3;
    const SymbolicCaller& caller;
    const Context& described; ///< what `describe` says of the caller, others unknown
    const Way& way;
};

/// The condition keys that follow from caller and way; others are unknown.
/// @param keys  in order, the only ones that are read
[[nodiscard]] Context context_of(const RequestParts& parts, std::span<const std::string> keys,
                                 std::string_view stranger);

} // namespace weightseal::storage
