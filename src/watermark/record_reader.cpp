// Reading a record, which is untrusted.

#include "crypto/base64.hpp"
#include "crypto/codec.hpp"
#include "formats/names.hpp"
#include "watermark/claim.hpp"
#include "watermark/record_checks.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/core/tensor.hpp"
#include "weightseal/watermark/mark.hpp" // min_strength, max_label_size
#include "weightseal/watermark/statistics.hpp"
#include "weightseal/watermark/timestamp.hpp" // max_timestamp_size

#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace weightseal {
namespace {

using Json = nlohmann::json;

[[noreturn]] void malformed(std::string_view subject, std::string_view what) {
    throw Error(Errc::record_malformed, subject, what);
}

// Stops at the version, which our own writer puts first: a record of a later version is called that, whatever else
// it holds.
class VersionReader final : public nlohmann::json_sax<Json> {
  public:
    explicit VersionReader(const std::string& subject) : subject_(subject) {}
    [[nodiscard]] std::optional<std::uint64_t> version() const noexcept { return version_; }

    bool start_object(std::size_t) override { return enter(); }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_array() override { return leave(); }
    bool key(std::string& key) override {
        awaits_version_ = depth_ == 1 && key == "weightseal_record";
        return true;
    }
    bool number_unsigned(number_unsigned_t value) override {
        if (awaits_version_) version_ = value;
        return !awaits_version_;
    }
    bool null() override { return other(); }
    bool boolean(bool) override { return other(); }
    bool number_integer(number_integer_t) override { return other(); }
    bool number_float(number_float_t, const string_t&) override { return other(); }
    bool string(std::string&) override { return other(); }
    bool binary(binary_t&) override { return other(); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::record_not_json, subject_, "is not valid JSON", position);
    }

  private:
    bool enter() {
        ++depth_;
        return other();
    }
    bool leave() {
        --depth_;
        return true;
    }
    bool other() {
        if (awaits_version_) malformed(subject_, "its version is not a number");
        return true;
    }

    const std::string& subject_;
    std::size_t depth_ = 0;
    bool awaits_version_ = false;
    std::optional<std::uint64_t> version_;
};

// What holds values: objects, and arrays.
enum class Place : std::uint8_t { start, document, claim, statistics, tensors, tensor, mark, shape, evidence, end };

Place parent_of(Place place) noexcept {
    switch (place) {
    case Place::claim:
    case Place::evidence: return Place::document;
    case Place::statistics:
    case Place::tensors: return Place::claim;
    case Place::tensor: return Place::tensors;
    case Place::mark:
    case Place::shape: return Place::tensor;
    default: return Place::end;
    }
}

enum class Field : std::uint8_t {
    none,
    version,
    claim,
    evidence,
    owner,
    model_id,
    root,
    strength,
    statistics,
    tensors,
    name,
    dtype,
    shape,
    sha256,
    mark,
    tied_to,
    commitment,
    elements,
    marked_sha256,
    sketch,
    digest,
    signer,
    signature,
    timestamp,
};

struct Rule {
    Place place;
    std::string_view key;
    Field field;
    bool is_required = true;
};

// Every field of every object.
constexpr std::array rules{
    Rule{Place::document, "weightseal_record", Field::version},
    Rule{Place::document, "claim", Field::claim},
    Rule{Place::document, "evidence", Field::evidence},
    Rule{Place::claim, "model_id", Field::model_id},
    Rule{Place::claim, "owner", Field::owner},
    Rule{Place::claim, "root", Field::root},
    Rule{Place::claim, "statistics", Field::statistics},
    Rule{Place::claim, "strength", Field::strength},
    Rule{Place::claim, "tensors", Field::tensors},
    Rule{Place::tensor, "dtype", Field::dtype},
    Rule{Place::tensor, "mark", Field::mark, false},
    Rule{Place::tensor, "name", Field::name},
    Rule{Place::tensor, "sha256", Field::sha256},
    Rule{Place::tensor, "shape", Field::shape},
    Rule{Place::tensor, "tied_to", Field::tied_to, false},
    Rule{Place::mark, "commitment", Field::commitment},
    Rule{Place::mark, "elements", Field::elements},
    Rule{Place::mark, "sha256", Field::marked_sha256},
    Rule{Place::mark, "sketch", Field::sketch},
    Rule{Place::evidence, "digest", Field::digest},
    Rule{Place::evidence, "signer", Field::signer, false},
    Rule{Place::evidence, "signature", Field::signature, false},
    Rule{Place::evidence, "timestamp", Field::timestamp, false},
};

// Takes the events of the JSON parser. A DOM would silently keep one of two equal keys, and hold far more memory.
class RecordBuilder final : public nlohmann::json_sax<Json> {
  public:
    RecordBuilder(WatermarkRecord& record, const std::string& subject) : record_(record), subject_(subject) {}

    /// The digest that the record names.
    [[nodiscard]] const Digest& digest() const noexcept { return digest_; }

    bool start_object(std::size_t) override {
        if (place_ == Place::start) return enter(Place::document);
        if (place_ == Place::tensors) {
            if (record_.tensors.size() == max_entries)
                throw Error(Errc::too_large, subject_, "holds more tensors than a model can");
            record_.tensors.emplace_back();
            return enter(Place::tensor);
        }
        switch (field_) {
        case Field::claim: return enter(Place::claim);
        case Field::evidence: return enter(Place::evidence);
        case Field::mark: tensor().mark = RecordTensor::Mark(); return enter(Place::mark);
        default: refuse("an object where none belongs");
        }
    }

    bool end_object() override {
        for (std::size_t i = 0; i < rules.size(); ++i)
            if (rules[i].place == place_ && rules[i].is_required && (seen_ >> i & 1U) == 0)
                refuse(fmt::format("an object without '{}'", rules[i].key));
        if (place_ == Place::evidence && has_signer_ != has_signature_)
            refuse("one of 'signer' and 'signature' without the other");
        return leave();
    }

    bool key(std::string& key) override {
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (rules[i].place != place_ || rules[i].key != key) continue;
            if ((seen_ >> i & 1U) != 0) refuse(fmt::format("'{}' twice in an object", key));
            seen_ |= 1U << i;
            field_ = rules[i].field;
            return true;
        }
        refuse(fmt::format("an unknown field '{}'", key));
    }

    bool start_array(std::size_t) override {
        if (place_ == Place::claim && field_ == Field::statistics) return enter(Place::statistics);
        if (place_ == Place::claim && field_ == Field::tensors) return enter(Place::tensors);
        if (place_ == Place::tensor && field_ == Field::shape) return enter(Place::shape);
        refuse("an array where none belongs");
    }

    bool end_array() override {
        if (place_ == Place::statistics && statistics_ != statistic_count) refuse("fewer statistics than there are");
        return leave();
    }

    bool string(std::string& value) override {
        if (place_ == Place::statistics) return statistic(value);
        switch (field_) {
        case Field::owner: record_.owner = label(value); return true;
        case Field::model_id: record_.model_id = label(value); return true;
        case Field::root: record_.root = digest(value); return true;
        case Field::strength: record_.strength = strength(value); return true;
        case Field::name: tensor().name = name(value); return true;
        case Field::dtype: tensor().dtype = dtype(value); return true;
        case Field::sha256: tensor().digest = digest(value); return true;
        case Field::tied_to: tensor().tied_to = name(value); return true;
        case Field::commitment: tensor().mark->commitment = digest(value); return true;
        case Field::marked_sha256: tensor().mark->digest = digest(value); return true;
        case Field::sketch: decode(value, std::as_writable_bytes(std::span(tensor().mark->sketch))); return true;
        case Field::digest: digest_ = digest(value); return true;
        case Field::signer: record_.signer = signer(value); return true;
        case Field::signature: decode(value, record_.signature); return has_signature_ = true;
        case Field::timestamp: record_.timestamp = timestamp(value); return true;
        default: refuse("a text where none belongs");
        }
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (place_ == Place::shape) {
            if (tensor().shape.size() == max_rank) refuse("a tensor of too many dimensions");
            tensor().shape.push_back(value);
        } else if (field_ == Field::elements) {
            tensor().mark->elements = value;
        } else if (field_ != Field::version) { // which was read before
            refuse("a number where none belongs");
        }
        return true;
    }

    bool null() override { refuse("null"); }
    bool boolean(bool) override { refuse("a boolean"); }
    bool number_integer(number_integer_t) override { refuse("a negative number"); }
    bool number_float(number_float_t, const string_t&) override {
        refuse("a number that is not a whole one of 64 bits");
    }
    bool binary(binary_t&) override { refuse("binary data"); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::record_not_json, subject_, "is not valid JSON", position);
    }

  private:
    [[noreturn]] void refuse(std::string_view what) const { malformed(subject_, fmt::format("holds {}", what)); }

    RecordTensor& tensor() { return record_.tensors.back(); }

    bool enter(Place place) {
        place_ = place;
        for (std::size_t i = 0; i < rules.size(); ++i)
            if (rules[i].place == place) seen_ &= ~(1U << i);
        return true;
    }
    bool leave() {
        place_ = parent_of(place_);
        field_ = Field::none; // what follows in an array has no key
        return true;
    }

    bool statistic(std::string_view value) {
        if (statistics_ == statistic_count || value != statistic_name(static_cast<Statistic>(statistics_)))
            refuse("other statistics than version 1 registers, or another order");
        ++statistics_;
        return true;
    }

    std::string name(std::string& value) const {
        if (!formats::is_valid_name(value)) refuse("a name with NUL or of more than 65,535 bytes");
        return std::move(value);
    }
    std::string label(std::string& value) const {
        if (value.empty() || value.size() > max_label_size || !formats::is_valid_name(value))
            refuse(fmt::format("an owner or model id that is empty, longer than {} bytes, or contains NUL",
                               max_label_size));
        return std::move(value);
    }
    Digest digest(std::string_view value) const {
        Digest digest;
        if (!crypto::from_hex(value, digest)) refuse("a SHA-256 that is not 64 hexadecimal digits in lower case");
        return digest;
    }
    void decode(std::string_view value, MutableBytes to) const {
        const auto bytes = value.size() > 2 * to.size() ? std::nullopt : crypto::from_base64(value);
        if (!bytes || bytes->size() != to.size()) refuse(fmt::format("what is not {} bytes in base64", to.size()));
        std::ranges::copy(*bytes, to.begin());
    }
    Dtype dtype(std::string_view value) const {
        const auto dtype = dtype_from_name(value);
        if (!dtype) refuse(fmt::format("the unknown dtype '{}'", value));
        return *dtype;
    }
    double strength(const std::string& value) const {
        double strength = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), strength);
        const bool is_within = strength >= min_strength && strength <= max_strength; // NaN is not
        if (error != std::errc() || !is_within || watermark::strength_text(strength) != value)
            refuse(fmt::format("a strength that is not a decimal from {} to {}", min_strength, max_strength));
        return strength;
    }
    PublicKey signer(const std::string& value) {
        has_signer_ = true;
        try {
            const PublicKey key = parse_public_key(value);
            if (format_public_key(key) == value) return key;
        } catch (const Error&) { // its codes are of keys that users give
        }
        refuse("a signer that is no public key");
    }
    std::vector<std::byte> timestamp(std::string_view value) const {
        auto bytes = value.size() > 2 * max_timestamp_size ? std::nullopt : crypto::from_base64(value);
        if (!bytes || bytes->empty() || bytes->size() > max_timestamp_size)
            refuse("a time-stamp that is not base64, or longer than 1 MiB");
        return std::move(*bytes);
    }

    WatermarkRecord& record_;
    const std::string& subject_;
    Place place_ = Place::start;
    Field field_ = Field::none;
    std::uint32_t seen_ = 0; // a bit for each rule
    static_assert(rules.size() <= 32);
    std::size_t statistics_ = 0;
    Digest digest_{};
    bool has_signer_ = false;
    bool has_signature_ = false;
};

void check_version(std::string_view json, const std::string& subject) {
    VersionReader reader(subject);
    Json::sax_parse(json.begin(), json.end(), &reader);
    if (!reader.version()) malformed(subject, "is not the record of a watermark");
    if (*reader.version() != watermark::record_version)
        throw Error(Errc::record_version, subject,
                    fmt::format("is a record of version {}; this program reads version {}", *reader.version(),
                                watermark::record_version));
}

} // namespace

WatermarkRecord parse_record(std::string_view json, const std::string& subject) {
    if (json.size() > max_record_size)
        throw Error(Errc::too_large, subject, fmt::format("is larger than {} bytes", max_record_size));
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos)
        throw Error(Errc::record_not_json, subject, "holds NUL", nul);
    check_version(json, subject);

    WatermarkRecord record;
    RecordBuilder builder(record, subject);
    Json::sax_parse(json.begin(), json.end(), &builder);
    // First of all, so that what happened to the file is not mistaken for what was claimed.
    const Digest digest = watermark::claim_digest(record);
    if (digest != builder.digest())
        throw Error(Errc::record_altered, subject, "was altered: its content does not match its digest");
    watermark::check_tensors(record, subject);
    if (original_root(record.tensors) != record.root)
        throw Error(Errc::record_altered, subject, "its root does not match its tensors");
    if (record.signer && !watermark::is_signature_good(record, digest))
        throw Error(Errc::record_signature, subject, "its signature does not match its content");
    return record;
}

} // namespace weightseal
