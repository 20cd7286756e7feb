// Every small change of every statement that `write_policy` writes is found by `audit`, or does no harm for a reason
// that is given here.

#include "storage/text.hpp"
#include "support/catch.hpp"
#include "support/storage.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <span>

namespace weightseal::testing {
namespace {

using storage::audit;
using storage::Intent;
using storage::Report;

struct Expected {
    std::string_view change; ///< a pattern of "intent: document.Sid: change"; the first that matches counts
    std::string_view rule;   ///< which is broken; empty: none
    std::string_view reason{};
};

constexpr std::string_view none{};
constexpr std::string_view of_this_bucket = "a bucket's policy is asked about this bucket only";
constexpr std::string_view no_other = "nothing else is called so";
constexpr std::string_view takes_away = "takes away only, and from nobody what the intent gives him";
constexpr std::string_view other_account = "in a bucket of another account is closed whatever no statement allows";

constexpr Expected statements[] = {
    // Bucket policy: who may do what
    {"least: bucket_policy.AllowReaders: Resource *", none, of_this_bucket},
    {"*Action s3:GetObject wider", none, "attributes, tags and lists are read with the object"},
    {"*Action s3:GetObjectVersion wider", none, "attributes, tags and lists are read with the object"},
    {"*Action s3:AbortMultipartUpload wider", none, no_other},
    {"*Action s3:ListMultipartUploadParts wider", none, no_other},
    {"*: bucket_policy.Allow*: Principal to all", "service-on-behalf"},
    {"other account: bucket_policy.AllowReaders: dropped", "reader-locked-out"},
    {"other account: bucket_policy.AllowReaders: Action * left out", "reader-locked-out"},
    {"*: bucket_policy.AllowReaders: dropped", "reader-not-granted"},
    {"*: bucket_policy.AllowReaders: Action * left out", "reader-not-granted"},
    {"*: bucket_policy.AllowPublishers: dropped", "publisher-not-granted"},
    {"*: bucket_policy.AllowPublishers: Action * left out", "publisher-not-granted"},
    {"*: bucket_policy.Allow*", "allow-too-wide"},
    // How
    {"*: bucket_policy.Deny*: Resource * wider", none, of_this_bucket},
    {"*: bucket_policy.Deny*: Resource to all", none, of_this_bucket},
    {"*: bucket_policy.Limit*: Resource * wider", none, of_this_bucket},
    {"*: bucket_policy.Limit*: Resource to all", none, of_this_bucket},
    {"*: no aws:PrincipalIsAWSService", none, takes_away},
    {"*: bucket_policy.DenyPlainHttp: no condition", "reader-locked-out"},
    {"*: bucket_policy.DenyPlainHttp: *", "tls-not-enforced"},
    {"*: bucket_policy.DenyPresigned: no condition", "reader-locked-out"},
    {"*: bucket_policy.DenyPresigned: s3:authType * to all", "reader-locked-out"},
    {"*: bucket_policy.DenyPresigned: s3:authType * wider", none, no_other},
    {"least: bucket_policy.DenyPresigned: s3:authType POST left out", none, "there is nobody who may upload"},
    {"*: bucket_policy.DenyPresigned: *", "presigned-allowed"},
    // Whoever is not named
    {"*: bucket_policy.DenyOthers: no *", "reader-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* AROA*READER* left out", "reader-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* AROA*OTHERACC* left out", "reader-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* arn:*inference left out", "reader-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* AROA*PUBLISH* left out", "publisher-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* arn:*publish left out", "publisher-locked-out"},
    {"*: bucket_policy.DenyOthers: aws:* left out", "break-glass-locked-out"},
    {"*: bucket_policy.DenyOthers: NotAction s3:Get* left out", none, takes_away},
    {"*: bucket_policy.DenyOthers: NotAction s3:*Configuration wider", none, no_other},
    {"least: bucket_policy.DenyOthers: NotAction s3:Put*Configuration left out", none, takes_away},
    {"no administrators: bucket_policy.DenyOthers: NotAction s3:Put*Configuration left out", none, takes_away},
    {"no break-glass: bucket_policy.DenyOthers: NotAction s3:Put*Configuration left out", "administrator-locked-out"},
    {"least: bucket_policy.DenyOthers: NotAction * left out", "admin-lockout"},
    {"no administrators: bucket_policy.DenyOthers: NotAction * left out", "admin-lockout"},
    {"no break-glass: bucket_policy.DenyOthers: NotAction * left out", "admin-lockout"},
    {"*: bucket_policy.DenyOthers: NotAction * left out", "administrator-locked-out"},
    {"*: bucket_policy.DenyOthers: *", "unlisted-reader"},
    // Readers and publishers
    {"other account: bucket_policy.LimitReaders*: dropped", none, other_account},
    {"other account: bucket_policy.LimitReaders*: NotAction to all", none, other_account},
    {"other account: bucket_policy.LimitReaders*: NotResource *", none, other_account},
    {"other account: bucket_policy.LimitReaders*: Resource * left out", none, other_account},
    {"*: bucket_policy.LimitReaders*: NotAction * left out", "reader-locked-out"},
    {"*: bucket_policy.LimitPublishers*: NotAction * left out", "publisher-locked-out"},
    {"least: bucket_policy.LimitReadersByName: Resource *acme-weights left out", "reader-unrestricted"},
    {"*: bucket_policy.Limit*: Resource *acme-weights left out", none, "the statement about the prefix denies that"},
    {"least: bucket_policy.Limit*: aws:* wider", none, takes_away},
    {"no administrators: bucket_policy.Limit*ToPrefix: aws:* wider", none, takes_away},
    {"*: bucket_policy.LimitReaders: aws:* wider", "publisher-locked-out"},
    {"*: bucket_policy.LimitReadersByName: aws:* wider", "publisher-locked-out"},
    {"*: bucket_policy.LimitPublishers: aws:* wider", "reader-locked-out"},
    {"*: bucket_policy.LimitPublishersByName: aws:* wider", "reader-locked-out"},
    {"no break-glass: bucket_policy.Limit*: aws:* wider", "admin-lockout"},
    {"*: bucket_policy.Limit*: aws:* wider", "administrator-locked-out"},
    {"*: bucket_policy.Limit*: aws:* to all", "admin-lockout"},
    {"*: bucket_policy.Limit*: no condition", "admin-lockout"},
    {"*: bucket_policy.LimitReaders*", "reader-unrestricted"},
    {"*: bucket_policy.LimitPublishers*", "publisher-unrestricted"},
    // From where
    {"*: bucket_policy.DenyOtherNetworks: Action s3:List* left out", none,
     "only break-glass may list, and from anywhere"},
    {"*: bucket_policy.DenyOtherNetworks: Action * left out", "network-open"},
    {"*: bucket_policy.DenyOtherNetworks: Resource *acme-weights left out", none,
     "only break-glass may list, and from anywhere"},
    {"*: bucket_policy.DenyOtherNetworks: Action *", none, takes_away},
    {"*: bucket_policy.DenyOtherNetworks: no aws:SourceVpce", "reader-locked-out"},
    {"*: bucket_policy.DenyOtherNetworks: no condition", "reader-locked-out"},
    {"*: bucket_policy.DenyOtherNetworks: no *", none, "break-glass comes through the endpoint"},
    {"*: bucket_policy.DenyOtherNetworks: aws:userid * wider", none, "who may come, and may do nothing, gets nowhere"},
    {"*: bucket_policy.DenyOtherNetworks: aws:PrincipalArn * wider", none,
     "who may come, and may do nothing, gets nowhere"},
    {"*: bucket_policy.DenyOtherNetworks: *", "network-open"},
    // Administrators
    {"*: bucket_policy.DenyChanges: Action s3:CreateBucket* left out", none,
     "of a bucket that is there, only tables of its metadata are made"},
    {"*: bucket_policy.DenyChanges: Action * wider", none, no_other},
    {"*: bucket_policy.DenyChanges: Action *to all", none, takes_away},
    {"*: bucket_policy.DenyChanges: no condition", "admin-lockout"},
    {"*: bucket_policy.DenyChanges: aws:* AIDA* left out", "break-glass-locked-out"},
    {"*: bucket_policy.DenyChanges: aws:* arn:*emergency left out", "break-glass-locked-out"},
    {"*: bucket_policy.DenyChanges: aws:* left out", "administrator-locked-out"},
    {"*: bucket_policy.DenyChanges: *", "unlisted-administrator"},
    // Key policy
    {"*: key_policy.*: Principal to all", "key-public"},
    {"*: key_policy.*: Action kms:GenerateDataKey wider", none, "makes keys, of other forms and in the same way"},
    {"*: key_policy.*: Action kms:* wider", none, no_other},
    {"*: key_policy.AllowAdministration: dropped", "key-admin-lockout"},
    {"*: key_policy.AllowAdministration: Action kms:PutKeyPolicy left out", "key-admin-lockout"},
    {"*: key_policy.AllowAdministration: Principal *platform left out", "administrator-locked-out"},
    {"*: key_policy.AllowAdministration: Principal *emergency left out", "break-glass-locked-out"},
    {"*: key_policy.AllowRoot: dropped", "key-root-lockout"},
    {"*: key_policy.AllowRoot: Action kms:PutKeyPolicy left out", "key-root-lockout"},
    {"*: key_policy.Allow*: Action kms:Decrypt left out", "key-publisher-locked-out"},
    {"*: key_policy.Allow*: Action kms:GenerateDataKey left out", "key-publisher-locked-out"},
    {"*: key_policy.Allow*: Action * left out", none, takes_away},
    {"*: key_policy.Allow*: Action kms:* to all", "key-unlisted"},
    {"*: key_policy.AllowReaders: Action to all", "key-member-unrestricted"},
    {"*: key_policy.AllowPublishers: Action to all", "key-member-unrestricted"},
    {"*: key_policy.Allow*: Action to all", "key-unlisted"},
    {"*: key_policy.AllowRoot: aws:PrincipalType * wider", none, no_other},
    {"*: key_policy.AllowRoot: aws:PrincipalType * to all", "key-member-unrestricted"},
    {"*: key_policy.AllowRoot: no condition", "key-member-unrestricted"},
    {"*: key_policy.AllowRoot: aws:* left out", "key-member-unrestricted"},
    {"*: key_policy.AllowRoot: aws:* wider", none, takes_away},
    {"*: key_policy.AllowRoot: aws:* to all", "key-root-lockout"},
    {"*: key_policy.AllowReaders: dropped", "key-reader-locked-out"},
    {"*: key_policy.AllowPublishers: dropped", "key-publisher-locked-out"},
    {"*: key_policy.AllowPublishers: Principal *publish left out", "key-publisher-locked-out"},
    {"*: key_policy.AllowPublishers: Principal *emergency left out", "break-glass-locked-out"},
    {"*: key_policy.*: kms:ViaService * wider", none, no_other},
    {"*: key_policy.AllowReaders: kms:EncryptionContext:* left out", "key-reader-locked-out"},
    {"*: key_policy.AllowPublishers: kms:EncryptionContext:* left out", "key-publisher-locked-out"},
    {"*: key_policy.*", "key-wider-than-bucket"},
    {"*_identity_policy.*", none, "is not read: it opens nothing that bucket and key policy do not open"},
};

// Of the values of settings, by their places.
constexpr Expected settings[] = {
    {"/account_public_access_block/*", "public-access-block"},
    {"/public_access_block/*", "public-access-block"},
    {"/ownership_controls/*", "acls-enabled"},
    {"/versioning/*", "no-versioning"},
    {"/encryption/*BucketKeyEnabled", none, "spares calls of KMS"},
    {"/encryption/*", "no-key"},
    {"/object_lock/*/Days", none, "AWS takes no retention without days, and how many is for the owner to say"},
    {"/object_lock/*", "no-object-lock"},
    {"/data_events/0/Name", none, "is for people to read"},
    {"/data_events/*", "no-data-events"},
};

struct Mutation {
    std::string name;
    Json statement;
};

// "arn:aws:iam::111122223333:role/a" to "arn:aws:iam::111122223333:role/*", "AROAEXAMPLE:*" to "AROA*".
std::string wider(std::string text) {
    while (text.ends_with('*') || text.ends_with('/') || text.ends_with(':'))
        text.pop_back();
    const std::size_t last = text.find_last_of("/:-.");
    return text.substr(0, last == text.npos ? 4 : last + 1) + '*';
}

class Mutations {
  public:
    explicit Mutations(const Json& statement) : statement_(statement) {}

    std::vector<Mutation> all() {
        if (statement_.contains("Principal")) {
            add("Principal to all", "/Principal", "*");
            if (statement_["Principal"].is_object()) leave_out("Principal", "/Principal/AWS");
        }
        for (const char* field : {"Action", "NotAction"})
            if (statement_.contains(field)) change_actions(field);
        for (const char* field : {"Resource", "NotResource"})
            if (statement_.contains(field)) change_resources(field);
        if (statement_.contains("Condition")) change_condition();
        return std::move(all_);
    }

  private:
    void add(std::string name, Json statement) {
        if (statement != statement_) all_.push_back({std::move(name), std::move(statement)});
    }

    void add(std::string name, const std::string& pointer, const Json& value) {
        Json changed = statement_;
        changed[Json::json_pointer(pointer)] = value;
        add(std::move(name), std::move(changed));
    }

    Json list(const std::string& pointer) const {
        const Json& value = statement_[Json::json_pointer(pointer)];
        return value.is_array() ? value : Json::array({value});
    }

    static Json with(Json list, std::size_t i, std::string value) {
        list[i] = std::move(value);
        return list;
    }

    void leave_out(const std::string& what, const std::string& pointer) {
        for (std::size_t i = 0; i < list(pointer).size(); ++i) {
            Json others = list(pointer);
            const std::string value = others[i];
            others.erase(i);
            if (!others.empty()) add(fmt::format("{} {} left out", what, value), pointer, others);
        }
    }

    void change_actions(const std::string& field) {
        const Json actions = list('/' + field);
        const std::string first = actions[0], every = first.substr(0, first.find(':')) + ":*";
        add(field + " to all", '/' + field, every);
        leave_out(field, '/' + field);
        for (std::size_t i = 0; i < actions.size(); ++i) {
            const std::string action = actions[i];
            if (action.ends_with('*') && actions.size() > 1)
                add(fmt::format("{} {} to all", field, action), '/' + field, with(actions, i, every));
            if (!action.ends_with('*'))
                add(fmt::format("{} {} wider", field, action), '/' + field, with(actions, i, action + '*'));
        }
    }

    void change_resources(const std::string& field) {
        const Json resources = list('/' + field);
        add(field + " to all", '/' + field, "*");
        leave_out(field, '/' + field);
        for (std::size_t i = 0; i < resources.size(); ++i)
            if (resources[i] != "*")
                add(fmt::format("{} {} wider", field, std::string(resources[i])), '/' + field,
                    with(resources, i, wider(resources[i])));
    }

    void change_condition() {
        Json bare = statement_;
        bare.erase("Condition");
        add("no condition", bare);
        std::size_t keys = 0;
        for (const Json& operands : statement_["Condition"])
            keys += operands.size();
        for (const auto& [op, operands] : statement_["Condition"].items())
            for (const auto& [key, value] : operands.items()) {
                if (keys > 1) add("no " + key, without(op, key));
                leave_out(key, fmt::format("/Condition/{}/{}", op, key));
                change_values(op, key);
            }
    }

    Json without(const std::string& op, const std::string& key) const {
        Json changed = statement_;
        changed["Condition"][op].erase(key);
        if (changed["Condition"][op].empty()) changed["Condition"].erase(op);
        return changed;
    }

    void change_values(const std::string& op, const std::string& key) {
        const std::string pointer = fmt::format("/Condition/{}/{}", op, key);
        if (op.starts_with("Bool")) return add(key + " turned", pointer, "true"); // all are false
        const Json values = list(pointer);
        std::string like = op;
        if (const std::size_t at = like.find("Equals"); at != like.npos) like.replace(at, 6, "Like");
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::string value = values[i];
            Json changed = without(op, key);
            changed["Condition"][like][key] = with(values, i, "*");
            add(fmt::format("{} {} to all", key, value), changed);
            changed["Condition"][like][key] = with(values, i, wider(value));
            add(fmt::format("{} {} wider", key, value), changed);
        }
    }

    const Json& statement_;
    std::vector<Mutation> all_;
};

struct Named {
    std::string_view name;
    Intent intent;
};

std::vector<Named> intents() {
    std::vector<Named> all{{"ids", full_intent()}, {"least", small_intent()}};
#ifndef WEIGHTSEAL_SANITIZED
    Intent names = full_intent();
    for (auto* list : {&names.readers, &names.publishers, &names.break_glass, &names.administrators})
        (*list)[0].id.clear();
    Intent other = full_intent();
    other.account = "111122223333";
    other.readers = {{"arn:aws:iam::444455556666:role/inference", "AROAEXAMPLEOTHERACC1"}};
    Intent anywhere = full_intent();
    anywhere.vpc_endpoints.clear();
    Intent no_break_glass = full_intent();
    no_break_glass.break_glass.clear();
    Intent no_administrators = no_break_glass;
    no_administrators.administrators.clear();
    all.push_back({"names", names});
    all.push_back({"other account", other});
    all.push_back({"anywhere", anywhere});
    all.push_back({"no break-glass", no_break_glass});
    all.push_back({"no administrators", no_administrators});
#endif
    return all;
}

std::set<std::string_view> used;

void check(std::span<const Expected> table, const std::string& change, const Json& bundle) {
    INFO(change);
    const auto row = std::ranges::find_if(
        table, [&](const Expected& expected) { return storage::matches(expected.change, change); });
    REQUIRE(row != table.end());
    used.insert(row->change);
    const Report report = audit(bundle.dump());
    INFO("expected: " << (row->rule.empty() ? row->reason : row->rule));
    if (row->rule.empty())
        CHECK(rules_of(report) == std::vector<std::string>{});
    else
        CHECK(finds(report, row->rule));
}

} // namespace

TEST_CASE("each change of a statement of a written policy is found, or does no harm") {
    used.clear();
    for (const auto& [name, intent] : intents()) {
        const Json whole = bundle_of(intent);
        for (const auto& [document, content] : whole["documents"].items()) {
            if (!document.ends_with("_policy")) continue;
            Json bundle = whole; // the two policies are judged apart
            bundle["documents"].erase(document == "key_policy" ? "bucket_policy" : "key_policy");
            const Json& list = content["Statement"];
            for (std::size_t i = 0; i < list.size(); ++i) {
                const std::string place = fmt::format("{}: {}.{}: ", name, document, std::string(list[i]["Sid"]));
                Json& changed = bundle["documents"][document]["Statement"];
                changed.erase(i);
                check(statements, place + "dropped", bundle);
                changed = list;
                for (Mutation& mutation : Mutations(list[i]).all()) {
                    changed[i] = std::move(mutation.statement);
                    check(statements, place + mutation.name, bundle);
                }
                changed = list;
            }
        }
    }
#ifndef WEIGHTSEAL_SANITIZED
    for (const Expected& expected : statements)
        CHECK(std::string(used.contains(expected.change) ? expected.change : "") == expected.change);
#endif
}

TEST_CASE("each value of a written setting is missed, or does no harm") {
    used.clear();
    const Json bundle = bundle_of(full_intent());
    Json documents = bundle["documents"];
    documents.erase("bucket_policy");
    documents.erase("key_policy");
    const Json values = documents.flatten();
    for (const auto& [place, value] : values.items()) {
        Json changed = bundle;
        changed["documents"][Json::json_pointer(place)] = nullptr;
        check(settings, place, changed);
    }
    CHECK(used.size() == std::size(settings));
}

} // namespace weightseal::testing
