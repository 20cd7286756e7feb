#pragma once
// Interruptions: what stands at an output's place, and beside it, after work that failed.

#include "support/files.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace weightseal::testing {

/// A place for an output in a folder of its own, with an old file there or nothing.
class Output {
  public:
    explicit Output(bool with_old_file);
    [[nodiscard]] std::filesystem::path path() const { return folder_ / "out"; }
    /// Nothing is there, or the old file with its content.
    [[nodiscard]] bool is_untouched() const;
    /// Names of everything else in the folder.
    [[nodiscard]] std::vector<std::string> left_over() const;
    /// True where files without a name are possible (O_TMPFILE), so that not even a kill leaves one.
    [[nodiscard]] bool has_unnamed_files() const;

  private:
    TemporaryFolder folder_;
    bool with_old_file_;
};

} // namespace weightseal::testing
