#pragma once
// What statements of AWS policies are made of.

#include "storage/document.hpp"

#include <initializer_list>
#include <span>

namespace weightseal::storage {

/// Members in the condition of a statement: by unique id where there is one, else by ARN.
struct Identities {
    std::vector<std::string> ids;  ///< patterns of aws:userid
    std::vector<std::string> arns; ///< values of aws:PrincipalArn
};

[[nodiscard]] Identities identities_of(std::initializer_list<std::span<const Member>> members);

/// Adds to a Condition that the caller is none of them.
void add_unless(Json& condition, const Identities& identities);

[[nodiscard]] Json arns_of(std::initializer_list<std::span<const Member>> members);

/// Collects statements and what they are for.
class PolicyWriter {
  public:
    /// A statement without Condition if that is null.
    void add(std::string_view sid, std::string_view explanation, std::string_view effect, Json principal,
             std::string_view action_name, Json action, std::string_view resource_name, Json resource,
             Json condition = nullptr);

    /// Throws `policy_too_large` for more bytes than AWS takes.
    /// @param explanation  of the whole document
    [[nodiscard]] Document finish(std::string_view name, std::string_view explanation, std::string command,
                                  std::size_t max_size);

  private:
    Json statements_ = Json::array();
    std::vector<std::pair<std::string, std::string>> explanations_;
};

/// arn:aws:s3:::BUCKET
[[nodiscard]] std::string bucket_arn(const Intent& intent);
/// The key, or the alias of one that is yet to be made.
[[nodiscard]] std::string key_or_alias(const Intent& intent);
[[nodiscard]] std::string key_alias(const Intent& intent);

[[nodiscard]] Document aws_bucket_policy(const Intent& intent);
[[nodiscard]] Document aws_key_policy(const Intent& intent);

} // namespace weightseal::storage
