#include "remote/small_request.hpp"

#include "remote/answer.hpp"
#include "remote/curl.hpp"

#include <algorithm>

namespace weightseal::remote {
namespace {

constexpr std::size_t longest_body = std::size_t{64} << 10;

struct Receiving {
    AnswerHead head;
    AlignedBuffer body{longest_body, {.huge_pages = false, .wipe = true}};
    std::size_t size = 0;
};

std::size_t on_head(char* data, std::size_t, std::size_t size, void* receiving) {
    return static_cast<Receiving*>(receiving)->head.add({data, size}) ? size : 0;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* receiving) {
    Receiving& to = *static_cast<Receiving*>(receiving);
    if (size > longest_body - to.size) return 0;
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
    if (curl_easy_perform(easy.get()) != CURLE_OK) return {};
    return {receiving.head.status, SecretText(as_text(receiving.body.bytes().first(receiving.size)))};
}

} // namespace weightseal::remote
