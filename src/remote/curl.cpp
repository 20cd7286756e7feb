#include "remote/curl.hpp"

#include "platform/file.hpp"
#include "weightseal/core/version.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace weightseal::remote {
namespace {

constexpr long slowest = 1024;          // bytes a second
constexpr long buffer_size = 512 << 10; // the largest that curl takes

void check_global() {
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw Error(Errc::internal, "libcurl", curl_easy_strerror(code));
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK)
        throw Error(Errc::internal, "libcurl", curl_easy_strerror(code));
}

void append(HeaderList& list, const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw Error(Errc::out_of_memory, "libcurl", "has no memory for a header");
    (void)list.release();
    list.reset(longer);
}

} // namespace

Easy make_easy(const HttpOptions& options) {
    check_global();
    Easy easy(curl_easy_init());
    if (!easy) throw Error(Errc::out_of_memory, "libcurl", "has no memory for a handle");
    CURL* const handle = easy.get();
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_PATH_AS_IS, 1L);                                         // names of objects may hold "/../"
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)); // a connection for each range
    set(handle, CURLOPT_HTTP09_ALLOWED, 0L);
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.authorities.empty()) {
        if (!platform::open_stream(options.authorities))
            throw Error(Errc::bad_server_url, options.authorities, "the file of authorities cannot be read");
        set(handle, CURLOPT_CAINFO, options.authorities.c_str());
        set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(handle, CURLOPT_LOW_SPEED_LIMIT, slowest);
    set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
    set(handle, CURLOPT_BUFFERSIZE, buffer_size);
    set(handle, CURLOPT_USERAGENT, fmt::format("weightseal/{}", version_string()).c_str());
    return easy;
}

Multi make_multi(const HttpOptions& options) {
    check_global();
    Multi multi(curl_multi_init());
    if (!multi) throw Error(Errc::out_of_memory, "libcurl", "has no memory for its handles");
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections));
    return multi;
}

HeaderList set_request(CURL* easy, const HttpRequest& request) {
    HeaderList list;
    for (const HttpHeader& header : request.headers) {
        // A line break would begin a header of somebody else's.
        if (header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
            throw Error(Errc::bad_server_url, header.name, "would hold a line break");
        append(list, fmt::format("{}: {}", header.name, header.value));
    }
    set(easy, CURLOPT_URL, request.url.c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http");
    set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(easy, CURLOPT_HTTPHEADER, list.get());
    return list;
}

Failure failure_of(CURLcode code, const char* message) {
    const std::string what = message != nullptr && *message != '\0' ? message : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return {Errc::server_unreachable, what, true};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED: return {Errc::server_unreachable, what};
    case CURLE_URL_MALFORMAT: return {Errc::bad_server_url, what};
    case CURLE_OUT_OF_MEMORY: return {Errc::out_of_memory, what};
    default: return {Errc::server_answer, what};
    }
}

} // namespace weightseal::remote
