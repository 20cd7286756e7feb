#pragma once
// Output: what goes to standard output and standard error, with every failed write noticed.

#include "weightseal/core/error.hpp" // Error

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace weightseal::cli {

using Json = nlohmann::ordered_json;

/// Makes standard output unbuffered, so that no copy of a key stays in a buffer and every write reports its
/// failure, and occupies closed standard descriptors, so that no file of ours becomes one of them. Call it
/// first.
void prepare_output() noexcept;

/// Writes all of `text` to standard output. Throws `no_space` or `io_failed`.
void print(std::string_view text);

/// An object with the schema version, the start of every JSON answer.
[[nodiscard]] Json json_answer();

/// Prints `answer` as the one JSON object on standard output.
void print_json(const Json& answer);

/// "weightseal: TEXT" and a line end on standard error. `text` may hold untrusted names.
void complain(std::string_view text);

/// Reports a failure: with `json` as the member "error" of `answer` on standard output, else as text on
/// standard error. `code` is the name of an `Errc`, or "usage".
void report(std::string_view code, std::string_view message, bool json, Json answer = json_answer());
void report(const Error& error, bool json, Json answer = json_answer());

} // namespace weightseal::cli
