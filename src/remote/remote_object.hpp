#pragma once
// An object on a server: how to ask for it.

#include "remote/request.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weightseal::remote {

class RemoteObject {
  public:
    virtual ~RemoteObject() = default;
    /// What errors call it. Holds no secret.
    [[nodiscard]] virtual const std::string& name() const = 0;
    /// Whatever takes long, such as fresh credentials. Called by readers before they want something.
    virtual void prepare() const = 0;
    /// A request with these headers, and others. Never waits.
    [[nodiscard]] virtual HttpRequest request(std::vector<HttpHeader> headers) const = 0;
    /// The same object without anything that threads share, such as locks. For a child of fork: what of that was in
    /// use when it began stays so for ever.
    [[nodiscard]] virtual std::shared_ptr<const RemoteObject> fresh() const = 0;
};

} // namespace weightseal::remote
