// Documents in their formats.

#include "weightseal/storage/policy.hpp"

#include "storage/document.hpp"
#include "storage/intent_json.hpp"

#include <fmt/format.h>

namespace weightseal::storage {
namespace {

std::string pretty(const Json& json) {
    return json.dump(2) + '\n';
}

// On one line where it would be too large otherwise.
std::string pretty(const Document& document) {
    std::string text = pretty(document.content);
    if (document.max_size != 0 && text.size() > document.max_size) text = document.content.dump() + '\n';
    return text;
}

Json bundle(const Intent& intent, const std::vector<Document>& documents) {
    Json json{{"version", 1}, {"intent", write_intent(intent)}};
    Json& contents = json["documents"] = Json::object();
    Json& explanations = json["explanations"] = Json::object();
    for (const Document& document : documents) {
        contents[document.name] = document.content;
        explanations[document.name] = document.explanation;
        for (const auto& [sid, text] : document.statements)
            explanations[document.name + '.' + sid] = text;
    }
    return json;
}

// One comment for each document and statement.
std::string comments(const Document& document) {
    std::string text = fmt::format("# {}\n", document.explanation);
    for (const auto& [sid, explanation] : document.statements)
        text += fmt::format("#   {}: {}\n", sid, explanation);
    return text;
}

std::string commands(const Intent& intent, const std::vector<Document>& documents) {
    std::string text = fmt::format("#!/bin/sh\n# Locks down {} {}. The order matters.\nset -eu\n",
                                   provider_name(intent.provider), intent.bucket);
    // Version 1 of aws knows the second name only.
    if (!intent.region.empty()) text += fmt::format("export AWS_REGION={0} AWS_DEFAULT_REGION={0}\n", intent.region);
    for (const Document& document : documents) {
        if (document.command.empty()) continue;
        text += '\n' + comments(document);
        const std::size_t at = document.command.find(" @");
        if (at == std::string::npos) {
            text += document.command + '\n';
            continue;
        }
        const char* const input = intent.provider == Provider::aws ? " file:///dev/stdin" : " /dev/stdin";
        text += fmt::format("{}{} <<'JSON'{}\n{}JSON\n", document.command.substr(0, at), input,
                            document.command.substr(at + 2), pretty(document));
    }
    return text;
}

} // namespace

std::vector<Document> documents_of(const Intent& intent) {
    switch (intent.provider) {
    case Provider::gcs: return gcs_documents(intent);
    case Provider::azure: return azure_documents(intent);
    case Provider::aws: break;
    }
    return aws_documents(intent);
}

std::string write_policy(Intent intent, PolicyFormat format) {
    intent.complete();
    const std::vector<Document> documents = documents_of(intent);
    switch (format) {
    case PolicyFormat::terraform: return pretty(terraform_of(intent, documents));
    case PolicyFormat::commands: return commands(intent, documents);
    case PolicyFormat::bundle: break;
    }
    return pretty(bundle(intent, documents));
}

std::vector<PolicyFile> policy_files(Intent intent) {
    intent.complete();
    std::vector<PolicyFile> files;
    std::string readme;
    for (const Document& document : documents_of(intent)) {
        const std::string name = document.name + ".json";
        files.push_back({name, pretty(document)});
        readme += fmt::format("{}{}\n  {}\n", readme.empty() ? "" : "\n", name, document.explanation);
        for (const auto& [sid, explanation] : document.statements)
            readme += fmt::format("  {}: {}\n", sid, explanation);
    }
    files.push_back({"intent.json", pretty(write_intent(intent))});
    files.push_back({"README.txt", readme});
    return files;
}

} // namespace weightseal::storage
