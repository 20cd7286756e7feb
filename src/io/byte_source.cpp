#include "weightseal/io/byte_source.hpp"

#include "platform/file.hpp"
#include "weightseal/core/error.hpp"

#include <utility>

namespace weightseal {
namespace {

class FileSource final : public ByteSource {
  public:
    explicit FileSource(const std::filesystem::path& path) : name_(path.native()), file_(platform::open_input(path)) {}
    [[nodiscard]] std::uint64_t size() const override { return platform::current_size(file_.descriptor.get(), name_); }
    void read_at(std::uint64_t offset, MutableBytes to) const override {
        platform::read_exactly(file_.descriptor.get(), offset, to, name_);
    }
    [[nodiscard]] const std::string& name() const override { return name_; }

  private:
    std::string name_;
    platform::InputFile file_;
};

void check_range(std::uint64_t offset, std::size_t size, std::uint64_t available, const std::string& name) {
    std::uint64_t end = 0;
    if (!checked_add(offset, size, end) || end > available)
        throw Error(Errc::source_changed, name, "ends before the bytes asked for", offset);
}

class MemorySource final : public ByteSource {
  public:
    MemorySource(Bytes bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    void read_at(std::uint64_t offset, MutableBytes to) const override {
        check_range(offset, to.size(), bytes_.size(), name_);
        if (!to.empty()) std::memcpy(to.data(), bytes_.data() + offset, to.size());
    }
    [[nodiscard]] const std::string& name() const override { return name_; }

  private:
    Bytes bytes_;
    std::string name_;
};

class CallbackSource final : public ByteSource {
  public:
    CallbackSource(std::uint64_t size, ReadAt read_at, std::string name)
        : size_(size), read_at_(std::move(read_at)), name_(std::move(name)) {}
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    void read_at(std::uint64_t offset, MutableBytes to) const override {
        check_range(offset, to.size(), size_, name_);
        if (!to.empty() && !read_at_(offset, to))
            throw Error(Errc::io_failed, name_, "the read callback failed", offset);
    }
    [[nodiscard]] const std::string& name() const override { return name_; }

  private:
    std::uint64_t size_;
    ReadAt read_at_;
    std::string name_;
};

} // namespace

std::shared_ptr<const ByteSource> file_source(const std::filesystem::path& path) {
    return std::make_shared<FileSource>(path);
}

std::shared_ptr<const ByteSource> memory_source(Bytes bytes, std::string name) {
    return std::make_shared<MemorySource>(bytes, std::move(name));
}

std::shared_ptr<const ByteSource> callback_source(std::uint64_t size, ReadAt read_at, std::string name) {
    if (!read_at) throw Error(Errc::invalid_argument, name, "the read callback is empty");
    return std::make_shared<CallbackSource>(size, std::move(read_at), std::move(name));
}

} // namespace weightseal
