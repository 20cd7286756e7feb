#pragma once
// The environment of AWS's tools, as a test wants it.

#include <map>
#include <optional>
#include <string>

namespace weightseal::testing {

/// Without any of the variables that AWS's tools read and this library does; all are as before at the end.
class Environment {
  public:
    Environment();
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment();
    void set(const std::string& name, const std::string& value);

  private:
    std::map<std::string, std::optional<std::string>> before_;
};

} // namespace weightseal::testing
