// Puts requests to the evaluator: a case on each line of standard input, as JSON, and its answer on a line of standard
// output. tests/agreement/cases.py says what a case holds.

#include "weightseal/storage/evaluate.hpp"
#include "weightseal/core/error.hpp"

#include <cstddef>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace weightseal::storage;
using nlohmann::json;

CallerKind kind_of(const std::string& name) {
    if (name == "anonymous") return CallerKind::anonymous;
    if (name == "role") return CallerKind::role;
    if (name == "user") return CallerKind::user;
    if (name == "root") return CallerKind::root;
    if (name == "service") return CallerKind::service;
    throw std::invalid_argument("no kind of caller: " + name);
}

Service service_of(const std::string& name) {
    if (name == "s3") return Service::s3;
    if (name == "kms") return Service::kms;
    throw std::invalid_argument("no service: " + name);
}

Caller caller_of(const json& text) {
    Caller caller;
    caller.kind = kind_of(text.at("kind"));
    caller.account = text.value("account", "");
    caller.arn = text.value("arn", "");
    caller.session = text.value("session", "");
    caller.unique_id = text.value("unique_id", "");
    caller.canonical = text.value("canonical", "");
    caller.service = text.value("service", "");
    return caller;
}

Request request_of(const json& text) {
    Request request{caller_of(text.at("caller")), text.at("action"), text.at("resource"), Context()};
    describe(request.caller, request.context);
    const json context = text.value("context", json::object());
    for (const auto& [key, value] : context.items()) {
        if (value.is_null())
            request.context.set_absent(key);
        else if (value.is_array())
            request.context.set(key, KeyValue{KeyValue::State::known, value});
        else
            request.context.set(key, value.get<std::string>());
    }
    return request;
}

Truth answer(const json& text) {
    Policy resource_policy;
    std::vector<Policy> identity_policies;
    PolicySet policies;
    policies.service = service_of(text.at("service"));
    policies.owner_account = text.value("owner", "");
    policies.restrict_public_buckets = text.value("restrict_public_buckets", false);
    if (const auto found = text.find("resource_policy"); found != text.end() && !found->is_null()) {
        resource_policy = Policy::parse(found->dump());
        policies.resource_policy = &resource_policy;
    }
    if (const auto found = text.find("identity_policies"); found != text.end() && !found->is_null()) {
        for (const json& policy : *found)
            identity_policies.push_back(Policy::parse(policy.dump()));
        policies.identity_policies = identity_policies;
    }
    return evaluate(policies, request_of(text)).allowed;
}

json line_of(const json& text) {
    constexpr const char* names[] = {"no", "unknown", "yes"};
    try {
        return {{"allowed", names[static_cast<std::size_t>(answer(text))]}};
    } catch (const weightseal::Error& error) {
        return {{"refused", weightseal::errc_name(error.errc())}};
    }
}

} // namespace

int main() {
    std::ios::sync_with_stdio(false);
    std::size_t number = 0;
    try {
        for (std::string line; std::getline(std::cin, line);) {
            ++number;
            std::cout << line_of(json::parse(line)).dump() << '\n';
        }
    } catch (const std::exception& error) {
        std::cerr << "line " << number << ": " << error.what() << '\n';
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}
