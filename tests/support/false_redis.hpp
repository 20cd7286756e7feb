#pragma once
// False servers of shared guards: they greet as they should, and answer what a test wants.

#include "support/redis.hpp"

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weightseal::testing {

inline const std::string false_script_hash = "$40\r\n0123456789012345678901234567890123456789\r\n";
inline const std::string false_greeting = false_script_hash + "-ERR This instance has cluster support disabled\r\n";

/// What the script would answer: eight numbers for each window.
inline std::string doubles(const std::vector<double>& values) {
    std::string bytes(values.size() * sizeof(double), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
}

/// The answer to a window that gives so many units.
inline std::string granting(double units) {
    return doubles({7, units, 0, 3, -1, 0, 1000, 1000});
}

/// Answers attempts to find out whether the server works, and everything else with `answer`; hangs up for none.
inline std::function<void(int)>
greeting_then(std::function<std::optional<std::string>(const std::string& question)> answer) {
    return [answer = std::move(answer)](int connection) {
        if (!FalseServer::receive(connection)) return;
        FalseServer::send(connection, false_greeting);
        static constexpr std::string_view start = "$7\r\nEVALSHA"; // several may come at once
        for (std::string text; !(text = FalseServer::read(connection)).empty();)
            for (std::size_t at = text.find(start); at != text.npos; at = text.find(start, at + 1)) {
                const std::string question = text.substr(at, text.find(start, at + 1) - at);
                const bool is_probe = question.find("{probe}") != question.npos;
                const std::optional<std::string> reply = is_probe ? granting(1) : answer(question);
                if (!reply) return;
                FalseServer::send(connection, *reply);
            }
    };
}

} // namespace weightseal::testing
