#pragma once
// Replies of a server, read by hiredis out of bytes that anybody may have sent: nothing is made larger than what was
// received, and no reply may be large.

#include "weightseal/core/bytes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct redisReader;

namespace weightseal::guard {

struct Reply {
    enum class Type : std::uint8_t { nil, status, error, integer, text, list };
    Type type = Type::nil;
    std::int64_t integer = 0;
    std::string text; ///< of `status`, `error` and `text`
    std::vector<Reply> list;
};

inline constexpr std::size_t longest_reply = std::size_t{1} << 20;
/// Elements of one list; lists in lists are at most seven deep.
inline constexpr std::size_t longest_list = 16'384;

/// Replies that come in any pieces. Not thread-safe.
class ReplyReader {
  public:
    ReplyReader();
    void feed(Bytes bytes);
    /// The next one that is complete. Throws `server_answer` for what is no reply, and ever after.
    [[nodiscard]] std::optional<Reply> next();

  private:
    struct Free {
        void operator()(redisReader* reader) const noexcept;
    };
    std::unique_ptr<redisReader, Free> reader_;
    std::size_t received_ = 0; ///< since the last complete reply
};

/// A command as the protocol has it.
[[nodiscard]] std::string command(const std::vector<std::string_view>& words);

} // namespace weightseal::guard
