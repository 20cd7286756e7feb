// The heads of web servers' answers, their errors, and the URLs and credentials that are read beside them.

#include "base.hpp"
#include "remote/credentials_json.hpp"
#include "remote/credentials_web_identity.hpp"
#include "remote/judge.hpp"
#include "remote/profile.hpp"
#include "remote/s3_location.hpp"
#include "remote/url.hpp"

#include <string>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

template <class Action>
void refused_or(Action action) {
    try {
        action();
    } catch (const Error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    remote::AnswerHead head;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
        if (!head.add(rest.substr(0, end))) break;
        rest.remove_prefix(end);
    }
    remote::Pin pin;
    if (!remote::judge_first(head, 1000, pin) && pin.size != 0) {
        const std::uint64_t end = std::min<std::uint64_t>(1000, pin.size);
        require(head.status == 206, "a part is a part");
        require(!remote::judge(head, 0, end, pin), "what was good the first time is good");
        require(remote::judge(head, 1, end + 1, pin).has_value(), "other bytes than those asked for");
    }
    if (const auto range = remote::parse_content_range(text))
        require(range->begin <= range->end && range->end <= range->size, "a range lies within its object");
    const std::string code = remote::s3_error_code(text);
    require(code.find_first_of("<>&\r\n") == code.npos, "a code is a word");
    refused_or([&] {
        const remote::HttpUrl url = remote::parse_http_url(text);
        require(remote::parse_http_url(url.text()).text() == url.text(), "a URL that was read is read again");
    });
    refused_or([&] { require(!remote::parse_s3_location(text).key.empty(), "an object has a name"); });
    refused_or(
        [&] { require(!remote::credentials_of_json(text, "fuzz").secret.empty(), "credentials have a secret"); });
    refused_or([&] { require(!remote::credentials_of_sts(text).token.empty(), "credentials of a role have a token"); });
    static_cast<void>(remote::parse_section(text, "default"));
    return 0;
}
