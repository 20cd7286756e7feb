#pragma once
// The environment of AWS's tools and of curl, as a test wants it.

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

/// Takes the proxies out of the environment, for good: servers of tests are of this machine.
void remove_proxies();

} // namespace weightseal::testing
