#pragma once
// Auditing documents: symbolic callers × actions × transport × network × authentication, and what gets through.

#include "weightseal/storage/intent.hpp" // Intent

#include <array>       // std::array
#include <cstddef>     // std::size_t
#include <cstdint>     // std::uint8_t
#include <optional>    // std::optional
#include <span>        // std::span
#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

enum class Severity : std::uint8_t { low, medium, high, critical };

/// "low", "medium", "high" or "critical".
[[nodiscard]] std::string_view severity_name(Severity severity) noexcept;

/// A kind of finding.
struct Rule {
    std::string_view id; ///< stable: "public-access"
    Severity severity = Severity::low;
    std::string_view title;       ///< "Strangers have access"
    std::string_view explanation; ///< why it matters
    std::string_view remedy;      ///< what to do
    std::string_view references;  ///< ids of CIS benchmarks, AWS FSBP, Prowler and Checkov for the same
};

/// All rules, by id.
[[nodiscard]] std::span<const Rule> rules() noexcept;

struct Finding {
    std::string rule; ///< id
    Severity severity = Severity::low;
    bool is_certain = true; ///< false: undecided, because something is not known that the request depends on
    std::string document;   ///< "bucket_policy"
    std::string statement;  ///< the one to change: "statement 2 'DenyPlainHttp'"; empty: one is missing
    std::string request;    ///< the request that gets in, or what is set
    std::size_t cells = 0;  ///< of the matrix that are like it; 0: it is a setting
};

/// A request that was sent to a server.
struct Attempt {
    std::string request; ///< "nobody, over HTTPS: s3:GetObject of the canary"
    std::string answer;  ///< "403 AccessDenied"
    std::string rule;    ///< the finding that it is; or empty
};

struct Report {
    std::string subject;                     ///< "bucket my-models"
    std::vector<Finding> findings;           ///< most severe first
    std::vector<Finding> accepted;           ///< what the intent of the bundle asks for
    std::vector<std::string> not_checked;    ///< what these documents do not show
    std::vector<std::string> not_considered; ///< what can only narrow access further
    std::vector<std::string> assumptions;
    std::array<std::size_t, 3> cells{}; ///< closed, undecided, open
    std::vector<Attempt> attempts;      ///< of `probe_bucket`
};

struct AuditOptions {
    std::string account; ///< the owner of the bucket, where the document does not tell
};

/// Audits one document: a bundle of `write_policy`, what `read_bucket` read, a bucket or key policy of AWS, or the
/// output of `terraform show -json`. A document without an intent is held against the one that it shows: whoever it
/// names may do what it allows them. Throws what reading it throws, or `not_a_policy`.
[[nodiscard]] Report audit(std::string_view document, std::string_view subject = "policy",
                           const AuditOptions& options = {});

/// What a document lets in that an earlier one of the same bucket or key did not: one finding `new-access` for each
/// caller. Both are held against the intent of the new one. Throws what `audit` throws, or `not_a_policy` where
/// one of them holds several buckets, or the policies are not of the same kinds.
[[nodiscard]] Report audit_difference(std::string_view earlier, std::string_view document,
                                      std::string_view subject = "policy", const AuditOptions& options = {});

} // namespace weightseal::storage
