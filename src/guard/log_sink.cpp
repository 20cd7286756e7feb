#include "guard/log_sink.hpp"

#include "guard/log_record.hpp"
#include "platform/log_file.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal::guard {
namespace {

constexpr std::uint64_t min_file_size = 4096;

[[noreturn]] void refuse_foreign(const std::filesystem::path& path) {
    throw Error(Errc::not_a_guard_log, path.native(), "exists, and is no event log");
}

std::error_code error_of(int number) noexcept {
    return {number, std::generic_category()};
}

// The last whole line of a file, without its end; nothing if it has none. Throws unless it is one of ours, for a file
// that is continued is put aside.
std::optional<std::string> last_line_of(const std::filesystem::path& path) {
    const platform::InputFile file = platform::open_input(path);
    std::string text(std::min<std::uint64_t>(file.size, 2 * (max_record_size + 1)), '\0');
    platform::read_exactly(file.descriptor.get(), file.size - text.size(), std::as_writable_bytes(std::span(text)),
                           path.native());
    const std::size_t end = text.rfind('\n');
    if (end == std::string::npos) { // of a process that was killed at its first line
        if (!starts_like_record(text)) refuse_foreign(path);
        return std::nullopt;
    }
    const std::size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    std::string line = text.substr(start, end - start);
    if (!parse_record(line)) refuse_foreign(path);
    return line;
}

class FileSink final : public LogSink {
  public:
    explicit FileSink(const LogFile& file) : path_(file.path), max_size_(file.max_size), file_(file.path) {}

    // Of the newest file that has one.
    std::optional<std::string> last_line() override {
        if (std::optional<std::string> line = last_line_of(path_)) return line;
        for (const std::filesystem::path& path : file_.older())
            if (std::optional<std::string> line = last_line_of(path)) return line;
        return std::nullopt;
    }

    void start() override {
        if (file_.size() == 0) return;
        if (const int error = file_.start_new()) platform::throw_errno(error, path_.native(), "cannot be put aside");
    }

    std::size_t write(std::string_view lines, std::error_code& failure) noexcept override {
        const platform::Written done = file_.append(as_bytes(lines));
        failure = error_of(done.error);
        return done.bytes;
    }
    bool is_full(std::uint64_t more) const noexcept override { return file_.size() + more >= max_size_; }
    std::error_code start_new() noexcept override { return error_of(file_.start_new()); }
    std::error_code sync() noexcept override { return error_of(file_.sync()); }

  private:
    std::filesystem::path path_;
    std::uint64_t max_size_;
    platform::LogFile file_;
};

class DescriptorSink final : public LogSink {
  public:
    explicit DescriptorSink(int fd) : fd_(fd) {}
    std::size_t write(std::string_view lines, std::error_code& failure) noexcept override {
        const platform::Written done = platform::write_without_waiting(fd_, as_bytes(lines));
        failure = error_of(done.error);
        return done.bytes;
    }

  private:
    int fd_;
};

class CallbackSink final : public LogSink {
  public:
    explicit CallbackSink(LogCallback callback) : callback_(std::move(callback)) {}
    std::size_t write(std::string_view lines, std::error_code& failure) noexcept override {
        try {
            if (callback_(lines)) return lines.size();
        } catch (...) { // whatever it was, the lines are still here
        }
        failure = make_error_code(Errc::callback_failed);
        return 0;
    }

  private:
    LogCallback callback_;
};

std::unique_ptr<LogSink> make(const LogFile& file) {
    if (file.max_size < min_file_size)
        throw Error(Errc::invalid_argument, "event log", "max_size: is at least 4096 bytes");
    return std::make_unique<FileSink>(file);
}

std::unique_ptr<LogSink> make(const LogDescriptor& descriptor) {
    if (descriptor.fd < 0) throw Error(Errc::invalid_argument, "event log", "fd: is no descriptor");
    return std::make_unique<DescriptorSink>(descriptor.fd);
}

std::unique_ptr<LogSink> make(LogCallback& callback) {
    if (!callback) throw Error(Errc::invalid_argument, "event log", "has an empty callback");
    return std::make_unique<CallbackSink>(std::move(callback));
}

} // namespace

std::unique_ptr<LogSink> make_sink(LogTarget target) {
    return std::visit([](auto& chosen) { return make(chosen); }, target);
}

} // namespace weightseal::guard
