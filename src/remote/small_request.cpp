#include "remote/small_request.hpp"

#include "remote/answer.hpp"
#include "remote/curl.hpp"
#include "remote/judge.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_body = std::size_t{64} << 10;

struct Receiving {
    AnswerHead head;
    AlignedBuffer body{longest_body, {.huge_pages = false, .wipe = true}};
    std::size_t size = 0;
    const char* failure = nullptr; // of our own
};

std::size_t on_head(char* data, std::size_t, std::size_t size, void* receiving) {
    Receiving& to = *static_cast<Receiving*>(receiving);
    if (to.head.add({data, size})) return size;
    to.failure = "its head is too long";
    return 0;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* receiving) {
    Receiving& to = *static_cast<Receiving*>(receiving);
    if (size > longest_body - to.size) {
        to.failure = "its answer is too long";
        return 0;
    }
    std::copy_n(data, size, reinterpret_cast<char*>(to.body.data()) + to.size);
    to.size += size;
    return size;
}

} // namespace

SmallAnswer ask(const HttpRequest& request, const HttpOptions& options, std::chrono::milliseconds timeout,
                bool is_local) {
    const Easy easy = make_easy(options);
    const HeaderList headers = set_request(easy.get(), request);
    Receiving receiving;
    std::array<char, CURL_ERROR_SIZE> message{};
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, message.data());
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, static_cast<void*>(&receiving));
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, static_cast<void*>(&receiving));
    if (is_local) curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
    if (!request.body.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.view().size()));
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.view().data());
    }
    if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK)
        return {0, {}, receiving.failure != nullptr ? receiving.failure : failure_of(code, message.data()).what, {}};
    return {receiving.head.status,
            SecretText(as_text(receiving.body.bytes().first(receiving.size))),
            {},
            receiving.head.version_id};
}

void require_ok(const SmallAnswer& answer, std::string_view subject) {
    if (answer.status == 200) return;
    if (answer.status == 0)
        throw Error(Errc::key_source_failed, subject, "the service gives no answer: " + answer.failure);
    const std::string code = s3_error_code(answer.body.view()); // others of AWS have the same
    throw Error(Errc::key_source_failed, subject,
                fmt::format("the service answers {}{}", answer.status, code.empty() ? "" : " (" + code + ")"));
}

} // namespace weightseal::remote
