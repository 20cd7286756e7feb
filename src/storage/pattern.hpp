#pragma once
// Texts of patterns: what policies tell apart is asked for by a text of each kind.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::storage {

/// Which of the patterns match a text: texts alike in this are alike to whoever compares by them alone.
[[nodiscard]] std::string signature_of(const std::set<std::string>& patterns, std::string_view text);

/// A text of a pattern, short and readable: its wildcards are x.
[[nodiscard]] std::string instance_of(std::string_view pattern);

/// Fills wildcards with what no pattern names: of such a text a pattern can match only what its own wildcards reach,
/// so that no exception for single texts hides the others.
class Filler {
  public:
    explicit Filler(const std::set<std::string>& patterns);

    /// A text of the pattern. Throws `policy_too_large` where it would be very long.
    [[nodiscard]] std::string fill(std::string_view pattern) const;
    /// That, and the usual one: `instance_of`.
    [[nodiscard]] std::set<std::string> texts_of(std::string_view pattern) const;
    /// Text that patterns name nowhere.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    /// A text of both patterns; empty where there is none.
    [[nodiscard]] std::string fill_both(std::string_view one, std::string_view other) const;

  private:
    std::string text_;
};

/// What may follow a start in texts of a pattern, as patterns.
[[nodiscard]] std::set<std::string> rests_of(std::string_view pattern, std::string_view start);

} // namespace weightseal::storage
