#include "crypto/tls_connection.hpp"

#include "crypto/check.hpp"

#include <array>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace weightseal::crypto {

struct TlsContext::State {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    ~State() { SSL_CTX_free(context); }
};

TlsContext::TlsContext(const std::string& authorities) : state_(std::make_unique<State>()) {
    SSL_CTX* const context = state_->context;
    check(context != nullptr, "TLS context");
    check(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1, "TLS version");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const bool trusted = authorities.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                             : SSL_CTX_load_verify_file(context, authorities.c_str()) == 1;
    ERR_clear_error();
    if (!trusted) throw Error(Errc::bad_server_url, authorities, "holds no certificates of authorities");
}

TlsContext::~TlsContext() = default;

struct TlsConnection::State {
    SSL* ssl = nullptr;
    BIO* from_socket = nullptr; // both belong to `ssl`
    BIO* to_socket = nullptr;
    std::string host;
    bool finished = false;
    ~State() { SSL_free(ssl); }
};

TlsConnection::TlsConnection(const TlsContext& context, const std::string& host) : state_(std::make_unique<State>()) {
    state_->host = host;
    state_->ssl = SSL_new(context.state_->context);
    check(state_->ssl != nullptr, "TLS connection");
    state_->from_socket = BIO_new(BIO_s_mem());
    state_->to_socket = BIO_new(BIO_s_mem());
    SSL_set_bio(state_->ssl, state_->from_socket, state_->to_socket);
    SSL_set_connect_state(state_->ssl);
    X509_VERIFY_PARAM* const expected = SSL_get0_param(state_->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) != 1) {
        ERR_clear_error();
        // SSL_set_tlsext_host_name, which is a macro with a C cast
        check(SSL_ctrl(state_->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       const_cast<char*>(host.c_str())) == 1,
              "TLS host name");
        X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        check(X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1, "TLS host name");
    }
}

TlsConnection::~TlsConnection() = default;

bool TlsConnection::handshake() {
    if (SSL_is_init_finished(state_->ssl) == 1) return true;
    ERR_clear_error();
    const int result = SSL_do_handshake(state_->ssl);
    if (result == 1) return true;
    const int error = SSL_get_error(state_->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    const long verified = SSL_get_verify_result(state_->ssl);
    const char* const reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                                     : ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    throw Error(Errc::server_unreachable, state_->host, std::string("TLS: ") + (reason != nullptr ? reason : "failed"));
}

void TlsConnection::received(Bytes sealed) {
    check(BIO_write(state_->from_socket, sealed.data(), static_cast<int>(sealed.size())) ==
              static_cast<int>(sealed.size()),
          "TLS buffer");
}

std::size_t TlsConnection::read(MutableBytes to) {
    ERR_clear_error();
    const int got = SSL_read(state_->ssl, to.data(), static_cast<int>(to.size()));
    if (got > 0) return static_cast<std::size_t>(got);
    const int error = SSL_get_error(state_->ssl, got);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        state_->finished = true;
    else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        throw Error(Errc::server_answer, state_->host, "TLS: what came is not what was sent");
    return 0;
}

bool TlsConnection::finished() const noexcept {
    return state_->finished;
}

void TlsConnection::write(Bytes plain) {
    ERR_clear_error();
    const int written = SSL_write(state_->ssl, plain.data(), static_cast<int>(plain.size()));
    if (written != static_cast<int>(plain.size())) {
        ERR_clear_error();
        throw Error(Errc::server_unreachable, state_->host, "TLS: nothing can be sent any more");
    }
}

void TlsConnection::take(std::string& to) {
    std::array<char, 4096> part;
    for (int got = 0; (got = BIO_read(state_->to_socket, part.data(), static_cast<int>(part.size()))) > 0;)
        to.append(part.data(), static_cast<std::size_t>(got));
}

} // namespace weightseal::crypto
