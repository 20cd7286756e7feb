#include "crypto/rfc3161.hpp"

#include "crypto/check.hpp"
#include "crypto/random.hpp"
#include "crypto/sodium.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <span>
#include <vector>

namespace weightseal::crypto::rfc3161 {
namespace {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* object) const noexcept {
        release(object);
    }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

/// libcrypto's queue of errors is the whole thread's: the caller finds it as it was.
class ErrorQueue {
  public:
    ErrorQueue() { ERR_set_mark(); }
    ErrorQueue(const ErrorQueue&) = delete;
    ErrorQueue& operator=(const ErrorQueue&) = delete;
    ~ErrorQueue() { ERR_pop_to_mark(); }
    /// What went wrong last, and its details.
    [[nodiscard]] static std::string reason() {
        const char* details = nullptr;
        int flags = 0;
        const unsigned long code = ERR_peek_last_error_all(nullptr, nullptr, nullptr, &details, &flags);
        const char* const text = ERR_reason_error_string(code);
        const bool has_details = details != nullptr && (flags & ERR_TXT_STRING) != 0 && *details != '\0';
        return fmt::format("{}{}{}", text == nullptr ? "unknown error" : text, has_details ? ": " : "",
                           has_details ? details : "");
    }
};

[[noreturn]] void malformed(std::string_view what) {
    throw Error(Errc::timestamp_malformed, "time-stamp", what);
}

[[noreturn]] void untrusted(std::string_view what) {
    throw Error(Errc::timestamp_untrusted, "time-stamp", what);
}

std::int64_t seconds_of(const ASN1_GENERALIZEDTIME* time) {
    const Owned<ASN1_TIME, ASN1_TIME_free> epoch(ASN1_TIME_set(nullptr, 0));
    int days = 0;
    int seconds = 0;
    if (time == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) malformed("its time is none");
    return std::int64_t{days} * 86400 + seconds;
}

std::string name_of(const X509_NAME* name) {
    const Owned<BIO, BIO_free> text(BIO_new(BIO_s_mem()));
    check(text != nullptr && X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0,
          "name of a certificate");
    const char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

using Certificate = Owned<X509, X509_free>;

std::vector<Certificate> read_certificates(Bytes pem) {
    if (pem.empty()) untrusted("the file of authorities is empty");
    const Owned<BIO, BIO_free> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    check(text != nullptr, "file of authorities");
    const auto no_password = [](char*, int, int, void*) { return 0; }; // libcrypto's own asks the terminal
    std::vector<Certificate> certificates;
    while (auto certificate = Certificate(PEM_read_bio_X509(text.get(), nullptr, no_password, nullptr)))
        certificates.push_back(std::move(certificate));
    const unsigned long end = ERR_peek_last_error();
    if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
        untrusted("the file of authorities holds a damaged certificate");
    if (certificates.empty()) untrusted("the file of authorities holds no certificate in PEM");
    return certificates;
}

/// The certificate that signed the token, if it was valid at the time of the stamp up to one of those trusted.
Certificate find_signer(PKCS7* token, std::span<const Certificate> trusted, std::int64_t seconds) {
    const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    check(store != nullptr, "certificate store");
    for (const Certificate& certificate : trusted)
        check(X509_STORE_add_cert(store.get(), certificate.get()) == 1, "certificate store");
    X509_VERIFY_PARAM* const how = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_time(how, static_cast<std::time_t>(seconds));
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN); // an authority's own certificate will do, too
    X509_VERIFY_PARAM_set_auth_level(how, 2);                    // 112 bits: no SHA-1, no RSA of 1024 bits
    X509* signer = nullptr;
    // The chain and its purpose, the certificate that the signed attributes name, and the signature.
    const bool is_good = TS_RESP_verify_signature(token, nullptr, store.get(), &signer) == 1;
    Certificate result(signer);
    return is_good ? std::move(result) : nullptr;
}

/// The chain's hashes are checked with it; the one of the stamp itself is not.
bool has_strong_digest(PKCS7* token) {
    PKCS7_SIGNER_INFO* const signer = sk_PKCS7_SIGNER_INFO_value(PKCS7_get_signer_info(token), 0);
    X509_ALGOR* digest = nullptr;
    PKCS7_SIGNER_INFO_get0_algs(signer, nullptr, &digest, nullptr);
    const ASN1_OBJECT* name = nullptr;
    X509_ALGOR_get0(&name, nullptr, nullptr, digest);
    const EVP_MD* const md = EVP_get_digestbyobj(name);
    return md != nullptr && EVP_MD_get_size(md) >= 32;
}

} // namespace

std::vector<std::byte> make_request(const Hash& imprint) {
    const ErrorQueue errors;
    const Owned<TS_REQ, TS_REQ_free> request(TS_REQ_new());
    const Owned<TS_MSG_IMPRINT, TS_MSG_IMPRINT_free> message(TS_MSG_IMPRINT_new());
    const Owned<X509_ALGOR, X509_ALGOR_free> algorithm(X509_ALGOR_new());
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> nonce(ASN1_INTEGER_new());
    check(request != nullptr && message != nullptr && algorithm != nullptr && nonce != nullptr, "time-stamp request");
    require_sodium();
    std::uint64_t random = 0;
    fill_random(std::as_writable_bytes(std::span(&random, 1)));
    std::array<unsigned char, sizeof(Hash)> hash;
    std::memcpy(hash.data(), imprint.data(), hash.size());
    check(X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr) == 1 &&
              TS_MSG_IMPRINT_set_algo(message.get(), algorithm.get()) == 1 &&
              TS_MSG_IMPRINT_set_msg(message.get(), hash.data(), static_cast<int>(hash.size())) == 1 &&
              ASN1_INTEGER_set_uint64(nonce.get(), random) == 1 && TS_REQ_set_version(request.get(), 1) == 1 &&
              TS_REQ_set_msg_imprint(request.get(), message.get()) == 1 &&
              TS_REQ_set_nonce(request.get(), nonce.get()) == 1 && TS_REQ_set_cert_req(request.get(), 1) == 1,
          "time-stamp request");
    const int size = i2d_TS_REQ(request.get(), nullptr);
    check(size > 0, "time-stamp request");
    std::vector<std::byte> der(static_cast<std::size_t>(size));
    auto* to = reinterpret_cast<unsigned char*>(der.data());
    check(i2d_TS_REQ(request.get(), &to) == size, "time-stamp request");
    return der;
}

struct Response::State {
    Owned<TS_RESP, TS_RESP_free> response;

    [[nodiscard]] TS_TST_INFO* info() const { return TS_RESP_get_tst_info(response.get()); }
};

Response::Response(Bytes der) : state_(std::make_unique<State>()) {
    const ErrorQueue errors;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* const end = at + der.size();
    state_->response.reset(d2i_TS_RESP(nullptr, &at, static_cast<long>(der.size())));
    if (state_->response == nullptr || at != end) malformed("is not a TimeStampResp in DER");
    const ASN1_INTEGER* const status = TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(state_->response.get()));
    const long number = ASN1_INTEGER_get(status);
    if (number != TS_STATUS_GRANTED && number != TS_STATUS_GRANTED_WITH_MODS)
        malformed(fmt::format("the authority did not grant it: its status is {}", number));
    if (state_->info() == nullptr || TS_TST_INFO_get_version(state_->info()) != 1) malformed("holds no TSTInfo");
    seconds_ = seconds_of(TS_TST_INFO_get_time(state_->info()));
}

Response::~Response() = default;

bool Response::is_of(const Hash& imprint) const {
    TS_MSG_IMPRINT* const message = TS_TST_INFO_get_msg_imprint(state_->info());
    const ASN1_OBJECT* algorithm = nullptr;
    X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(message));
    const ASN1_OCTET_STRING* const hash = TS_MSG_IMPRINT_get_msg(message);
    return OBJ_obj2nid(algorithm) == NID_sha256 &&
           std::ranges::equal(imprint, std::as_bytes(std::span(ASN1_STRING_get0_data(hash),
                                                               static_cast<std::size_t>(ASN1_STRING_length(hash)))));
}

void Response::require_answer_to(Bytes request) const {
    const ErrorQueue errors;
    const auto* at = reinterpret_cast<const unsigned char*>(request.data());
    const auto* const end = at + request.size();
    const Owned<TS_REQ, TS_REQ_free> asked(d2i_TS_REQ(nullptr, &at, static_cast<long>(request.size())));
    if (asked == nullptr || at != end)
        throw Error(Errc::timestamp_malformed, "time-stamp request", "is not a TimeStampReq in DER");
    const ASN1_INTEGER* const nonce = TS_REQ_get_nonce(asked.get());
    const ASN1_INTEGER* const answered = TS_TST_INFO_get_nonce(state_->info());
    if (nonce != nullptr && (answered == nullptr || ASN1_INTEGER_cmp(nonce, answered) != 0))
        throw Error(Errc::timestamp_mismatch, "time-stamp", "answers another request: its nonce is not this one's");
    const ASN1_OBJECT* const policy = TS_REQ_get_policy_id(asked.get());
    if (policy != nullptr && OBJ_cmp(policy, TS_TST_INFO_get_policy_id(state_->info())) != 0)
        throw Error(Errc::timestamp_mismatch, "time-stamp", "is under another policy than the one asked for");
}

std::string Response::verify(Bytes authorities) const {
    const ErrorQueue errors;
    const std::vector<Certificate> trusted = read_certificates(authorities);
    PKCS7* const token = TS_RESP_get_token(state_->response.get());
    Certificate signer = find_signer(token, trusted, seconds_);
    const std::string reason = signer ? "" : ErrorQueue::reason();
    // Of several issuers with the same name libcrypto tries only one.
    for (std::size_t i = 0; !signer && i < trusted.size(); ++i)
        signer = find_signer(token, std::span(trusted).subspan(i, 1), seconds_);
    if (!signer) untrusted(fmt::format("no given authority vouches for it: {}", reason));
    if (!has_strong_digest(token)) untrusted("its signature is over a hash of less than 256 bits");
    return name_of(X509_get_subject_name(signer.get()));
}

} // namespace weightseal::crypto::rfc3161
