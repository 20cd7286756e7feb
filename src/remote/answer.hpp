#pragma once
// The head of an HTTP answer, of what a server sends: bounded, and read strictly.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weightseal::remote {

/// "bytes 0-9/100" of a Content-Range: the bytes [begin, end) of an object of `size`.
struct ContentRange {
    std::uint64_t begin = 0, end = 0, size = 0;
};

/// Empty for anything else, such as an unknown size, or one that no file has: more than 2^63 - 1.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text) noexcept;

class AnswerHead {
  public:
    /// Takes a line as curl gives them. False when the head is longer than any honest one.
    [[nodiscard]] bool add(std::string_view line);

    unsigned status = 0; ///< of the last status line
    std::string etag;
    std::string location;      ///< of a redirect
    std::string bucket_region; ///< S3: where the bucket really is
    std::string version_id;    ///< S3: of the object that was written or read
    std::string content_range;
    std::optional<std::uint64_t> content_length;

  private:
    std::size_t size_ = 0;
};

} // namespace weightseal::remote
