#pragma once
// Documents that a provider takes, before they are written in one format or another.

#include "storage/json.hpp"
#include "weightseal/storage/intent.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weightseal::storage {

struct Document {
    std::string name;        ///< "bucket_policy"
    std::string explanation; ///< one line
    Json content;
    /// One line for each statement, by its Sid.
    std::vector<std::pair<std::string, std::string>> statements;
    /// A command of the provider's program, which reads the document from standard input where it has @ in it.
    std::string command;
    std::size_t max_size = 0; ///< bytes that the provider takes; 0: more than there will be
};

[[nodiscard]] std::vector<Document> aws_documents(const Intent& intent);
[[nodiscard]] std::vector<Document> gcs_documents(const Intent& intent);
[[nodiscard]] std::vector<Document> azure_documents(const Intent& intent);

[[nodiscard]] std::vector<Document> documents_of(const Intent& intent);

/// As Terraform's JSON syntax has it.
[[nodiscard]] Json terraform_of(const Intent& intent, const std::vector<Document>& documents);

} // namespace weightseal::storage
