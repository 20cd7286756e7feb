#pragma once
// Refusals: which error a call ends with, as one line that tests compare.

#include "weightseal/core/error.hpp"

#include <string>

namespace weightseal::testing {

/// "corrupt_data at 20480", "wrong_key" where no offset is known, or "nothing refused". Exceptions that are
/// not ours pass through and fail the test.
template <class Call>
[[nodiscard]] std::string refusal(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        const std::string name = errc_name(error.errc());
        return error.offset() ? name + " at " + std::to_string(*error.offset()) : name;
    }
    return "nothing refused";
}

/// The same without the offset.
template <class Call>
[[nodiscard]] std::string refusal_code(const Call& call) {
    const std::string text = refusal(call);
    return text == "nothing refused" ? text : text.substr(0, text.find(' '));
}

} // namespace weightseal::testing
