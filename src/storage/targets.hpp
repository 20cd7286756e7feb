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

struct Way {
    bool is_tls = true;
    bool is_wide = true;     ///< open to anybody: the Internet, or a network of the caller's own
    bool is_intended = true; ///< a VPC endpoint of the intent, or there are none in it
    bool through_s3 = false; ///< of KMS
    Signing signing = Signing::header;
    std::vector<std::pair<std::string, std::string>> keys; ///< condition keys of the network
    std::string words;                                     ///< "over plain HTTP from the Internet"
};

/// Objects that the policies tell apart, and the bucket.
[[nodiscard]] std::vector<Target> s3_targets(const Intent& intent, std::span<const Policy* const> policies);
[[nodiscard]] std::vector<Target> kms_targets(const Intent& intent);

[[nodiscard]] std::vector<Way> s3_ways(const Intent& intent, std::span<const Policy* const> policies);
[[nodiscard]] std::vector<Way> kms_ways(const Intent& intent, std::span<const Policy* const> policies);

/// Values that a caller can choose for a condition key of its own request; empty: it cannot choose, or the action has
/// no such key. "absent" is always a choice beside them.
[[nodiscard]] std::vector<std::string> choices_of(std::string_view key, Service service, Group group,
                                                  const SymbolicCaller& caller, const Way& way,
                                                  const ComparedValues& compared);

/// The condition keys that follow from caller and way; keys a caller can choose are absent, others are unknown.
[[nodiscard]] Context context_of(const Intent& intent, Service service, Group group, const SymbolicCaller& caller,
                                 const Way& way, const ComparedValues& compared, std::string_view stranger);

} // namespace weightseal::storage
