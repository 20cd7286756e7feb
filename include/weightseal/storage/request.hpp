#pragma once
// Requests: who asks for what, and what AWS knows of it when it decides.

#include <cstdint>     // std::uint8_t
#include <map>         // std::map
#include <string>      // std::string
#include <string_view> // std::string_view
#include <vector>      // std::vector

namespace weightseal::storage {

/// Kleene's logic: "and" is the smaller, "or" the larger.
enum class Truth : std::uint8_t { no, unknown, yes };

[[nodiscard]] constexpr Truth operator!(Truth truth) noexcept {
    return static_cast<Truth>(2 - static_cast<int>(truth));
}
[[nodiscard]] constexpr Truth truth_of(bool value) noexcept {
    return value ? Truth::yes : Truth::no;
}

/// What is known of a condition key.
struct KeyValue {
    enum class State : std::uint8_t { absent, known, unknown };

    State state = State::absent;
    std::vector<std::string> values; ///< of a known one: one, or those of a key that holds several
};

/// The condition keys of a request.
class Context {
  public:
    /// @param others  what is said of a key that was not set: absent, or unknown where others may set it
    explicit Context(KeyValue::State others = KeyValue::State::absent) { others_.state = others; }

    /// Keys are the same in any case.
    void set(std::string_view key, std::string value);
    void set(std::string_view key, KeyValue value);
    void set_absent(std::string_view key);

    /// @param key  in lower case
    [[nodiscard]] const KeyValue& find(std::string_view key) const noexcept;

  private:
    std::map<std::string, KeyValue, std::less<>> keys_;
    KeyValue others_;
};

enum class CallerKind : std::uint8_t {
    anonymous, ///< without credentials
    role,      ///< a session of a role
    user,
    root,           ///< the root user of an account
    service,        ///< a service of AWS in its own name
    federated_user, ///< a session of GetFederationToken
};

/// Who sends a request.
struct Caller {
    CallerKind kind = CallerKind::anonymous;
    std::string account;   ///< of role, user, root and federated user
    std::string arn;       ///< arn:aws:iam::… of role, user and root; arn:aws:sts::… of federated user
    std::string session;   ///< name of a role's session
    std::string unique_id; ///< AROA…, AIDA…; empty: not known
    std::string canonical; ///< canonical user id of the account; empty: not known
    std::string service;   ///< "logging.s3.amazonaws.com"

    bool operator==(const Caller&) const = default;

    /// arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION of a role's session, else empty.
    [[nodiscard]] std::string session_arn() const;
};

/// Sets the condition keys that follow from who asks: aws:PrincipalArn, aws:userid ...
void describe(const Caller& caller, Context& context);

/// One request to S3 or KMS.
struct Request {
    Caller caller;
    std::string action;   ///< "s3:GetObject"
    std::string resource; ///< its ARN
    Context context;      ///< with the keys of the caller
};

} // namespace weightseal::storage
