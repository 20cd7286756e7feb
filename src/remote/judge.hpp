#pragma once
// Whether an answer is the one that was asked for.

#include "remote/answer.hpp"
#include "remote/failure.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::remote {

/// What the first answer said of the object, and all others must agree with.
struct Pin {
    std::uint64_t size = 0;
    std::string etag; ///< empty where the server gives none
    /// Whether the server can be asked to compare it (RFC 9110 allows that for strong ones only).
    [[nodiscard]] bool can_be_condition() const noexcept { return !etag.empty() && !etag.starts_with("W/"); }
};

/// Of an answer to a request for the bytes [begin, end).
[[nodiscard]] std::optional<Failure> judge(const AnswerHead& head, std::uint64_t begin, std::uint64_t end,
                                           const Pin& pin);

/// Of the first answer, to a request for the bytes [0, end); sets `pin` where it is a good one. Of an object that has
/// less the whole will come.
[[nodiscard]] std::optional<Failure> judge_first(const AnswerHead& head, std::uint64_t end, Pin& pin);

/// The code of S3's error document, "AccessDenied", or nothing.
[[nodiscard]] std::string s3_error_code(std::string_view body);

} // namespace weightseal::remote
