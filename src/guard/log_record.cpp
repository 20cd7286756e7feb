#include "guard/log_record.hpp"

#include "crypto/base64.hpp"
#include "crypto/codec.hpp"
#include "crypto/hash.hpp"
#include "guard/json_line.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::guard {
namespace {

constexpr std::string_view log_name = "weightseal guard";
constexpr std::string_view log_version = "1";
constexpr std::string_view signature_domain = "weightseal/guard-log/v1/checkpoint";

// How the line of a checkpoint ends: 64 bytes in base64.
constexpr std::string_view signature_start = R"(,"signature":")";
constexpr std::string_view signature_end = R"("})";
constexpr std::size_t signature_text_size = 88;
constexpr std::size_t signature_size = signature_start.size() + signature_text_size + signature_end.size();

// Classes of OCSF: Detection Finding, and Event Log Activity.
struct Class {
    unsigned category_uid;
    unsigned class_uid;
};
constexpr Class finding{2, 2004};
constexpr Class log_activity{1, 1008};
constexpr unsigned activity_create = 1;

enum class Severity : std::uint8_t { informational = 1, low = 2, medium = 3, high = 4 };

struct Activity {
    std::string_view name;
    unsigned id;
};
// Start, Other, Rotate and Stop of Event Log Activity.
constexpr std::array<Activity, 4> activities{
    {{"log_opened", 6}, {"checkpoint", 99}, {"log_rotated", 5}, {"log_closed", 7}}};

Severity severity_of(GuardEventKind kind) noexcept {
    switch (kind) {
    case GuardEventKind::limits_changed: return Severity::informational;
    case GuardEventKind::clock_stepped_back: return Severity::low;
    case GuardEventKind::table_saturated: return Severity::high;
    default: return Severity::medium;
    }
}

constexpr std::string_view record_start =
    R"({"metadata":{"version":"1.3.0","product":{"name":"weightseal","vendor_name":"weightseal"},"log_name":")";

std::string start_of(const RecordPlace& place, Class what, unsigned activity, Severity severity) {
    return fmt::format(R"({}{}","log_version":"{}","sequence":{}}},"prev":"{}","time":{},)"
                       R"("category_uid":{},"class_uid":{},"activity_id":{},"type_uid":{},"severity_id":{})",
                       record_start, log_name, log_version, place.sequence, crypto::to_hex(place.previous), place.time,
                       what.category_uid, what.class_uid, activity, what.class_uid * 100 + activity,
                       static_cast<unsigned>(severity));
}

std::vector<std::byte> signed_message(std::string_view signed_part) {
    std::vector<std::byte> message;
    message.reserve(signature_domain.size() + signed_part.size());
    for (const Bytes part : {as_bytes(signature_domain), as_bytes(signed_part)})
        message.insert(message.end(), part.begin(), part.end());
    return message;
}

bool read_place(const nlohmann::json& json, RecordPlace& place) {
    const auto metadata = json.find("metadata");
    if (metadata == json.end() || !metadata->is_object()) return false;
    const std::string* const name = text_member(*metadata, "log_name");
    const std::string* const version = text_member(*metadata, "log_version");
    const auto sequence = whole_number(*metadata, "sequence");
    const std::string* const previous = text_member(json, "prev");
    const auto time = json.find("time");
    const auto unmapped = json.find("unmapped");
    if (name == nullptr || *name != log_name || version == nullptr || *version != log_version || !sequence ||
        previous == nullptr || time == json.end() || !time->is_number_integer() || unmapped == json.end() ||
        !unmapped->is_object())
        return false;
    const auto dropped = whole_number(*unmapped, "dropped");
    if (!dropped || !crypto::from_hex(*previous, place.previous)) return false;
    place.sequence = *sequence;
    place.time = time->get<std::int64_t>();
    place.dropped = *dropped;
    return true;
}

std::optional<PublicKey> signer_of(const nlohmann::json& json) {
    const std::string* const text = text_member(*json.find("unmapped"), "signer");
    if (text == nullptr) return std::nullopt;
    try {
        const PublicKey key = parse_public_key(*text);
        if (format_public_key(key) == *text) return key;
    } catch (const Error&) { // its codes are of keys that users give
    }
    return std::nullopt;
}

bool read_checkpoint(std::string_view line, const nlohmann::json& json, Record& record) {
    const std::string* const name = text_member(json, "activity_name");
    const auto* const activity =
        std::ranges::find_if(activities, [&](const Activity& a) { return name != nullptr && a.name == *name; });
    if (activity == activities.end() || whole_number(json, "activity_id") != activity->id) return false;
    const std::optional<PublicKey> signer = signer_of(json);
    if (!signer || line.size() < signature_size || !line.ends_with(signature_end) ||
        !line.substr(line.size() - signature_size).starts_with(signature_start))
        return false;
    const auto bytes =
        crypto::from_base64(line.substr(line.size() - signature_end.size() - signature_text_size, signature_text_size));
    Signature signature;
    if (!bytes || bytes->size() != signature.size()) return false;
    std::ranges::copy(*bytes, signature.begin());
    record.checkpoint = static_cast<Checkpoint>(activity - activities.begin());
    record.signer = *signer;
    record.is_signature_good =
        is_signed_by(*signer, signed_message(line.substr(0, line.size() - signature_size)), signature);
    return true;
}

} // namespace

std::string_view checkpoint_name(Checkpoint checkpoint) noexcept {
    return activities[static_cast<std::size_t>(checkpoint)].name;
}

std::string event_line(const RecordPlace& place, const GuardEvent& event, std::string_view pseudonym) {
    std::string line = start_of(place, finding, activity_create, severity_of(event.kind));
    line += fmt::format(R"(,"finding_info":{{"title":"{}","uid":"{}"}})", event_name(event.kind), place.sequence);
    if (!pseudonym.empty()) line += fmt::format(R"(,"actor":{{"user":{{"uid":"{}"}}}})", pseudonym);
    line += fmt::format(R"(,"unmapped":{{"dropped":{})", place.dropped);
    if (!pseudonym.empty() || event.limit != 0 || event.kind == GuardEventKind::table_saturated)
        line += fmt::format(R"(,"tier":"{}")", tier_name(event.tier));
    if (event.limit != 0)
        line += fmt::format(R"(,"budget":"{}","window":{},"limit":{})", budget_name(event.budget), event.window,
                            event.limit);
    if (event.limit != 0 || event.used != 0) line += fmt::format(R"(,"used":{})", event.used);
    return line + "}}";
}

std::string checkpoint_line(const RecordPlace& place, Checkpoint checkpoint, const Key& signing_key) {
    const Activity& activity = activities[static_cast<std::size_t>(checkpoint)];
    std::string line = start_of(place, log_activity, activity.id, Severity::informational);
    line += fmt::format(R"(,"activity_name":"{}","unmapped":{{"dropped":{},"signer":"{}"}})", activity.name,
                        place.dropped, format_public_key(public_key(signing_key)));
    const Signature signature = sign(signing_key, signed_message(line));
    line += signature_start;
    line += crypto::to_base64(signature);
    line += signature_end;
    return line;
}

Digest line_digest(std::string_view line) {
    return crypto::sha256({as_bytes(line)});
}

bool starts_like_record(std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), record_start.size());
    return text.substr(0, size) == record_start.substr(0, size);
}

std::optional<Record> parse_record(std::string_view line) {
    const std::optional<nlohmann::json> json = parse_json_line(line);
    Record record;
    if (!json || !read_place(*json, record.place)) return std::nullopt;
    const auto class_uid = whole_number(*json, "class_uid");
    if (class_uid == finding.class_uid) return record;
    if (class_uid != log_activity.class_uid || !read_checkpoint(line, *json, record)) return std::nullopt;
    return record;
}

} // namespace weightseal::guard
