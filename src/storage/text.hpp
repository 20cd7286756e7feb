#pragma once
// Patterns, ARNs and lower case.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::storage {

/// Whether `text` is one of the texts of `pattern`, in which * stands for any text and ? for one byte. Linear in the
/// product of both lengths at the worst.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

/// Of ASCII.
[[nodiscard]] std::string lower(std::string_view text);

/// Each letter of ASCII in the other case: unlike the text, and alike to whoever ignores case.
[[nodiscard]] std::string other_case(std::string_view text);

[[nodiscard]] bool has_wildcard(std::string_view pattern) noexcept;

/// "${aws:username}" and the like.
[[nodiscard]] bool has_variable(std::string_view text) noexcept;

/// arn:partition:service:region:account:resource, whose last part may hold colons.
struct Arn {
    std::string_view partition, service, region, account, resource;

    [[nodiscard]] static std::optional<Arn> parse(std::string_view text) noexcept;
    /// The six parts, "arn" first.
    [[nodiscard]] std::array<std::string_view, 6> parts() const noexcept;
};

/// Twelve digits.
[[nodiscard]] bool is_account(std::string_view text) noexcept;

/// "AROA…", "AIDA…": the ids that AWS gives roles and users once.
[[nodiscard]] bool is_unique_id(std::string_view text) noexcept;

} // namespace weightseal::storage
