#include "formats/shard_index.hpp"

#include "formats/names.hpp"
#include "weightseal/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace weightseal::formats {
namespace {

using Json = nlohmann::json;

// Reads "weight_map" and passes over everything else, at any depth but in constant memory.
class IndexBuilder final : public nlohmann::json_sax<Json> {
  public:
    IndexBuilder(ShardIndex& index, const std::string& subject) : index_(index), subject_(subject) {}

    bool start_object(std::size_t) override {
        if (awaits_map_) {
            awaits_map_ = false;
            in_map_ = true;
        } else if (in_map_) {
            malformed("weight_map holds an object");
        }
        ++depth_;
        return true;
    }
    bool end_object() override {
        --depth_;
        in_map_ = false; // the map holds no objects, so the first end is its own
        return true;
    }
    bool key(std::string& key) override {
        if (in_map_) {
            tensor_ = key;
        } else if (depth_ == 1 && key == "weight_map") {
            if (seen_map_) malformed("weight_map stands twice");
            seen_map_ = awaits_map_ = true;
        }
        return true;
    }
    bool string(std::string& value) override {
        if (!in_map_) return scalar();
        if (!is_safe_path(value) || value.find('/') != std::string::npos)
            throw Error(Errc::unsafe_shard_name, subject_,
                        fmt::format("names the shard '{}', which is not a plain file name", value));
        if (!index_.weight_map.emplace(tensor_, value).second)
            malformed(fmt::format("weight_map names the tensor '{}' twice", tensor_));
        return true;
    }
    bool start_array(std::size_t) override {
        if (depth_ == 0) malformed("is not an object");
        ++depth_;
        return scalar();
    }
    bool end_array() override {
        --depth_;
        return true;
    }
    bool null() override { return scalar(); }
    bool boolean(bool) override { return scalar(); }
    bool number_integer(number_integer_t) override { return scalar(); }
    bool number_unsigned(number_unsigned_t) override { return scalar(); }
    bool number_float(number_float_t, const string_t&) override { return scalar(); }
    bool binary(binary_t&) override { return scalar(); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::shard_index_not_json, subject_, "is not valid JSON", position);
    }
    void finish() const {
        if (!seen_map_) malformed("has no weight_map");
    }

  private:
    bool scalar() const {
        if (in_map_ || awaits_map_) malformed("weight_map is not an object of texts");
        return true;
    }
    [[noreturn]] void malformed(std::string_view what) const {
        throw Error(Errc::shard_index_malformed, subject_, what);
    }

    ShardIndex& index_;
    const std::string& subject_;
    std::size_t depth_ = 0;
    bool awaits_map_ = false;
    bool in_map_ = false;
    bool seen_map_ = false;
    std::string tensor_;
};

} // namespace

ShardIndex parse_shard_index(Bytes json, const std::string& subject) {
    ShardIndex index;
    IndexBuilder builder(index, subject);
    const std::string_view text = as_text(json);
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        throw Error(Errc::shard_index_not_json, subject, "holds NUL", nul);
    Json::sax_parse(text.begin(), text.end(), &builder);
    builder.finish();
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : index.weight_map)
        shards.insert(shard);
    index.shards.assign(shards.begin(), shards.end());
    return index;
}

} // namespace weightseal::formats
