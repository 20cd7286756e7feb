#include "support/authority.hpp"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace weightseal::testing {
namespace {

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

void must(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string("test authority: ") + what);
}

Owned<EVP_PKEY> make_key(int rsa_bits) {
    return {rsa_bits != 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits))
                          : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"),
            EVP_PKEY_free};
}

void add_extension(X509* certificate, int nid, const char* value) {
    const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), X509_EXTENSION_free);
    must(X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Owned<X509> make_certificate(const char* name, EVP_PKEY* key, const AuthorityOptions& options) {
    Owned<X509> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), name[0]);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<std::time_t>(options.valid_from));
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<std::time_t>(options.valid_to));
    X509_NAME* const subject = X509_get_subject_name(certificate.get());
    const auto* const text = reinterpret_cast<const unsigned char*>(name);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
}

std::string pem_of(X509* certificate) {
    const Owned<BIO> text(BIO_new(BIO_s_mem()), BIO_free_all);
    must(PEM_write_bio_X509(text.get(), certificate) == 1, "PEM");
    const char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

template <class T, class Encode>
Data der_of(T* object, Encode encode) {
    unsigned char* bytes = nullptr;
    const int size = encode(object, &bytes);
    must(size > 0, "DER");
    const Owned<unsigned char> owner(bytes, [](unsigned char* p) { OPENSSL_free(p); });
    const auto content = std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)));
    return {content.begin(), content.end()};
}

template <class T, class Decode>
Owned<T> from_der(Bytes der, Decode decode, void (*release)(T*)) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    Owned<T> object(decode(nullptr, &at, static_cast<long>(der.size())), release);
    must(object != nullptr, "input in DER");
    return object;
}

Owned<TS_TST_INFO> make_info(TS_REQ* request, std::int64_t seconds, const StampOptions& options) {
    Owned<TS_TST_INFO> info(TS_TST_INFO_new(), TS_TST_INFO_free);
    const Owned<ASN1_OBJECT> policy(OBJ_txt2obj(policy_of_tests, 1), ASN1_OBJECT_free);
    const Owned<ASN1_INTEGER> serial(ASN1_INTEGER_new(), ASN1_INTEGER_free);
    ASN1_INTEGER_set(serial.get(), 17);
    const Owned<ASN1_GENERALIZEDTIME> time(ASN1_GENERALIZEDTIME_set(nullptr, static_cast<std::time_t>(seconds)),
                                           ASN1_GENERALIZEDTIME_free);
    TS_MSG_IMPRINT* const imprint = TS_REQ_get_msg_imprint(request);
    if (options.imprint != nullptr) {
        const EVP_MD* const md = EVP_get_digestbyname(options.imprint);
        X509_ALGOR_set_md(TS_MSG_IMPRINT_get_algo(imprint), md);
    }
    must(TS_TST_INFO_set_version(info.get(), options.version) == 1 &&
             TS_TST_INFO_set_policy_id(info.get(), policy.get()) == 1 &&
             TS_TST_INFO_set_msg_imprint(info.get(), imprint) == 1 &&
             TS_TST_INFO_set_serial(info.get(), serial.get()) == 1 &&
             TS_TST_INFO_set_time(info.get(), time.get()) == 1 &&
             (!options.with_nonce || TS_TST_INFO_set_nonce(info.get(), TS_REQ_get_nonce(request)) == 1),
         "TSTInfo");
    return info;
}

} // namespace

struct Authority::State {
    Owned<EVP_PKEY> root_key{nullptr, EVP_PKEY_free}, key{nullptr, EVP_PKEY_free};
    Owned<X509> root{nullptr, X509_free}, certificate{nullptr, X509_free};
};

Authority::Authority(const AuthorityOptions& options) : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.root_key = make_key(0);
    s.root = make_certificate("Root of tests", s.root_key.get(), options);
    X509_set_issuer_name(s.root.get(), X509_get_subject_name(s.root.get()));
    add_extension(s.root.get(), NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(s.root.get(), s.root_key.get(), EVP_sha256()) > 0, "root");

    s.key = make_key(options.rsa_bits);
    s.certificate = make_certificate("Time-stamps of tests & Söhne", s.key.get(), options);
    X509_set_issuer_name(s.certificate.get(), X509_get_subject_name(s.root.get()));
    if (options.usage != nullptr) add_extension(s.certificate.get(), NID_ext_key_usage, options.usage);
    must(X509_sign(s.certificate.get(), s.root_key.get(), EVP_get_digestbyname(options.certificate_hash)) > 0,
         "certificate");
}

Authority::~Authority() = default;

std::string Authority::root() const {
    return pem_of(state_->root.get());
}

std::string Authority::certificate() const {
    return pem_of(state_->certificate.get());
}

// By the CMS functions, which sign whatever they are told: the TS functions refuse what a test wants refused.
Data Authority::answer(Bytes request, std::int64_t seconds, const StampOptions& options) const {
    const auto asked = from_der<TS_REQ>(request, d2i_TS_REQ, TS_REQ_free);
    const auto info = make_info(asked.get(), seconds, options);
    const Data content = der_of(info.get(), i2d_TS_TST_INFO);
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL | (options.names_certificate ? CMS_CADES : 0U) |
                           (options.with_certificate ? 0U : CMS_NOCERTS);
    const Owned<CMS_ContentInfo> cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags), CMS_ContentInfo_free);
    const Owned<BIO> data(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), BIO_free_all);
    const EVP_MD* const md = EVP_get_digestbyname(options.hash);
    must(cms != nullptr && CMS_set1_eContentType(cms.get(), OBJ_nid2obj(NID_id_smime_ct_TSTInfo)) == 1 &&
             CMS_add1_signer(cms.get(), state_->certificate.get(), state_->key.get(), md, flags) != nullptr &&
             CMS_final(cms.get(), data.get(), nullptr, flags) == 1,
         "signature");

    const Owned<TS_RESP> response(TS_RESP_new(), TS_RESP_free);
    const Owned<TS_STATUS_INFO> status(TS_STATUS_INFO_new(), TS_STATUS_INFO_free);
    must(TS_STATUS_INFO_set_status(status.get(), options.status) == 1 &&
             TS_RESP_set_status_info(response.get(), status.get()) == 1,
         "status");
    if (options.with_token) {
        const Data token = der_of(cms.get(), i2d_CMS_ContentInfo);
        TS_RESP_set_tst_info(response.get(), from_der<PKCS7>(token, d2i_PKCS7, PKCS7_free).release(),
                             from_der<TS_TST_INFO>(content, d2i_TS_TST_INFO, TS_TST_INFO_free).release());
    }
    return der_of(response.get(), i2d_TS_RESP);
}

Data with_policy(Bytes request, const char* policy) {
    const auto asked = from_der<TS_REQ>(request, d2i_TS_REQ, TS_REQ_free);
    const Owned<ASN1_OBJECT> object(OBJ_txt2obj(policy, 1), ASN1_OBJECT_free);
    must(TS_REQ_set_policy_id(asked.get(), object.get()) == 1, "policy");
    return der_of(asked.get(), i2d_TS_REQ);
}

} // namespace weightseal::testing
