#pragma once
// Certificates of tests: an authority, and a server's certificate of it.

#include "support/files.hpp"

#include <string>

namespace weightseal::testing {

/// A root, and a certificate of it for one name, "DNS:localhost" or "IP:127.0.0.1".
class Certificates {
  public:
    explicit Certificates(const std::string& name);
    [[nodiscard]] std::string authorities() const { return file("ca.pem"); }
    [[nodiscard]] std::string certificate() const { return file("cert.pem"); }
    [[nodiscard]] std::string key() const { return file("key.pem"); }

  private:
    [[nodiscard]] std::string file(std::string_view name) const { return (folder_ / name).string(); }
    TemporaryFolder folder_;
};

} // namespace weightseal::testing
