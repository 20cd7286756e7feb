#pragma once
// Files of tests: a folder that goes away, whole files in memory.

#include "weightseal/core/bytes.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weightseal::testing {

using Data = std::vector<std::byte>;

/// A fresh folder, removed with its content at the end.
class TemporaryFolder {
  public:
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// Where committed test files are.
[[nodiscard]] std::filesystem::path tests_folder();

[[nodiscard]] Data read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, Bytes content); ///< makes missing folders
void write_file(const std::filesystem::path& path, std::string_view content);
[[nodiscard]] Data to_data(std::string_view text);

/// Bytes that look random and are the same in every run.
[[nodiscard]] Data patterned(std::size_t size, std::uint64_t seed);

} // namespace weightseal::testing
