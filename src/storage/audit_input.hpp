#pragma once
// What an audit is given: documents of one bucket or key, and the intent they are held against.

#include "storage/json.hpp"
#include "weightseal/storage/audit.hpp"
#include "weightseal/storage/aws_policy.hpp"

#include <map>

namespace weightseal::storage {

struct AuditInput {
    Intent intent;
    bool has_intent = false; ///< false: it was derived from the policy
    std::optional<Policy> bucket_policy, key_policy;
    std::map<std::string, Json, std::less<>> settings; ///< other documents, by name
    /// Why documents are missing that a server would not tell, by name.
    std::map<std::string, std::string, std::less<>> unread;
    std::vector<std::string> assumptions;
};

/// Throws `not_a_policy` or what reading throws. Terraform's output may hold several buckets.
[[nodiscard]] std::vector<AuditInput> audit_inputs(std::string_view text, std::string_view subject,
                                                   const AuditOptions& options);

/// What to say of a document that is not there.
[[nodiscard]] std::string absence_of(const AuditInput& input, std::string_view document);

/// Fills in the intent that the policies show.
void derive_intent(AuditInput& input, const AuditOptions& options);

/// Collects findings.
class Findings {
  public:
    explicit Findings(Report& report) : report_(report) {}

    void add(std::string_view rule, std::string_view document, std::string statement, std::string request,
             bool is_certain = true, std::size_t cells = 0);
    /// What the intent of a bundle asks for.
    void accept(std::string_view rule, std::string_view document, std::string request, std::size_t cells = 0);
    void not_checked(std::string text) { report_.not_checked.push_back(std::move(text)); }
    /// Adds cells of a matrix by verdict.
    void count(const std::array<std::size_t, 3>& cells) noexcept {
        for (std::size_t i = 0; i < cells.size(); ++i)
            report_.cells[i] += cells[i];
    }
    [[nodiscard]] Report& report() noexcept { return report_; }

  private:
    Report& report_;
};

/// Most severe first.
void sort_findings(Report& report);

void audit_bucket_policy(const AuditInput& input, Findings& findings);
void audit_key_policy(const AuditInput& input, Findings& findings);
void audit_aws_settings(const AuditInput& input, Findings& findings);
void audit_gcs(const AuditInput& input, Findings& findings);
void audit_azure(const AuditInput& input, Findings& findings);

/// What is wrong with how a policy is written.
void audit_wording(const AuditInput& input, const Policy& policy, std::string_view document, Findings& findings);

} // namespace weightseal::storage
