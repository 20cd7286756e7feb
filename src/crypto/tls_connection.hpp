#pragma once
// TLS of OpenSSL, between bytes and bytes: whoever has the socket moves what is sealed. At least TLS 1.2; the server's
// certificate and name are always verified.

#include "weightseal/core/bytes.hpp"

#include <memory>
#include <string>

namespace weightseal::crypto {

/// Whom to trust. Thread-safe.
class TlsContext {
  public:
    /// @param authorities  a PEM file; empty: those of the system. Throws `bad_server_url` for a file that has none.
    explicit TlsContext(const std::string& authorities);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

  private:
    friend class TlsConnection;
    struct State;
    std::unique_ptr<State> state_;
};

/// The client's end of one connection. Not thread-safe.
class TlsConnection {
  public:
    /// @param host  the name or address that the certificate must be of
    TlsConnection(const TlsContext& context, const std::string& host);
    ~TlsConnection();
    TlsConnection(const TlsConnection&) = delete;
    TlsConnection& operator=(const TlsConnection&) = delete;

    /// Goes on with the handshake as far as what was received allows; true once it is done. Throws
    /// `server_unreachable` with the reason, such as a certificate of another name.
    bool handshake();
    /// Takes what came from the socket.
    void received(Bytes sealed);
    /// Opens some of it; 0: nothing is left, or the other end has finished (`finished`). Throws `server_answer`.
    [[nodiscard]] std::size_t read(MutableBytes to);
    [[nodiscard]] bool finished() const noexcept;
    /// Seals bytes, once the handshake is done.
    void write(Bytes plain);
    /// Moves what must go to the socket to the end of `to`.
    void take(std::string& to);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace weightseal::crypto
