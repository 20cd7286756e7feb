#pragma once
// libcurl's handles, set up the one way they are used here.

#include "remote/failure.hpp"
#include "remote/request.hpp"
#include "weightseal/io/remote_source.hpp"

#include <curl/curl.h>
#include <memory>

namespace weightseal::remote {

template <auto release>
struct Release {
    template <class Handle>
    void operator()(Handle* handle) const noexcept {
        release(handle);
    }
};
using Easy = std::unique_ptr<CURL, Release<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Release<curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Release<curl_slist_free_all>>;

/// A handle for requests under these options. Throws `out_of_memory`, `bad_server_url` for a file of authorities that
/// cannot be read.
[[nodiscard]] Easy make_easy(const HttpOptions& options);

/// For as many of these at once as the options allow connections. Throws `out_of_memory`.
[[nodiscard]] Multi make_multi(const HttpOptions& options);

/// Gives a handle its request; the list must live until the request is over.
[[nodiscard]] HeaderList set_request(CURL* easy, const HttpRequest& request);

/// What a transport that failed says of the server. `message` is curl's own text, or empty.
[[nodiscard]] Failure failure_of(CURLcode code, const char* message);

} // namespace weightseal::remote
