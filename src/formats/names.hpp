#pragma once
// Names: which names of tensors and files a container can hold, and which may become paths.

#include <optional>
#include <string_view>
#include <vector>

namespace weightseal::formats {

/// Valid UTF-8 without NUL, at most 65,535 bytes.
[[nodiscard]] bool is_valid_name(std::string_view name) noexcept;

/// A relative path that stays inside the folder it is joined to: non-empty parts joined by '/', none of them "." or
/// "..", without backslash and control characters; a valid name.
[[nodiscard]] bool is_safe_path(std::string_view name) noexcept;

/// One of `files` that another one is a folder of, as "a" is of "a/b"; nothing when there is none.
[[nodiscard]] std::optional<std::string_view> file_below_a_file(std::vector<std::string_view> files);

/// A text to show to people: a valid name without control characters.
[[nodiscard]] bool is_valid_label(std::string_view text) noexcept;

} // namespace weightseal::formats
