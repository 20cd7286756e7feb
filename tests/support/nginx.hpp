#pragma once
// nginx for tests: a real web server with TLS over a folder.

#include "support/certificates.hpp"
#include "support/files.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace weightseal::testing {

/// False, and "skipped: …" on standard output, where no nginx is installed.
[[nodiscard]] bool have_nginx();

/// Serves the files of a folder at 127.0.0.1 until the end of its life.
class Nginx {
  public:
    explicit Nginx(const Certificates& certificates);
    Nginx(const Nginx&) = delete;
    Nginx& operator=(const Nginx&) = delete;
    ~Nginx();

    [[nodiscard]] std::filesystem::path root() const { return folder_ / "root"; }
    /// `https://…` of a file in the folder.
    [[nodiscard]] std::string url(std::string_view file) const;

  private:
    TemporaryFolder folder_;
    std::uint16_t port_ = 0;
    pid_t process_ = 0;
};

} // namespace weightseal::testing
