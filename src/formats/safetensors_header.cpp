#include "formats/names.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/core/tensor.hpp"
#include "weightseal/formats/safetensors.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace weightseal {
namespace {

using Json = nlohmann::json;

// Takes the events of the JSON parser. A DOM would silently keep one of two equal keys, and hold far more memory.
class HeaderBuilder final : public nlohmann::json_sax<Json> {
  public:
    HeaderBuilder(SafetensorsHeader& header, const std::string& subject) : header_(header), subject_(subject) {}

    bool start_object(std::size_t) override {
        switch (state_) {
        case State::document: state_ = State::names; return true;
        case State::tensor_value: state_ = State::fields; return true;
        case State::metadata_value: state_ = State::metadata; return true;
        default: malformed("an object where none belongs");
        }
    }

    bool end_object() override {
        if (state_ == State::fields) {
            finish_tensor();
            state_ = State::names;
        } else {
            state_ = state_ == State::metadata ? State::names : State::done;
        }
        return true;
    }

    bool key(std::string& key) override {
        switch (state_) {
        case State::names: start_entry(key); return true;
        case State::fields: start_field(key); return true;
        case State::metadata:
            if (!metadata_keys_.insert(key).second) malformed("a key of __metadata__ twice");
            state_ = State::metadata_text;
            return true;
        default: malformed("a key where none belongs");
        }
    }

    bool string(std::string& value) override {
        if (state_ == State::metadata_text) {
            state_ = State::metadata;
            return true;
        }
        if (state_ != State::dtype) malformed("a string where none belongs");
        const auto dtype = dtype_from_name(value);
        if (!dtype)
            throw Error(Errc::unknown_dtype, tensor_subject(), fmt::format("has the unknown dtype '{}'", value), 8);
        tensor_.dtype = *dtype;
        state_ = State::fields;
        return true;
    }

    bool start_array(std::size_t) override {
        if (state_ == State::shape)
            state_ = State::shape_items;
        else if (state_ == State::offsets)
            state_ = State::offset_items;
        else
            malformed("an array where none belongs");
        return true;
    }

    bool end_array() override {
        if (state_ == State::offset_items && offsets_.size() != 2) malformed("data_offsets that are not two numbers");
        state_ = State::fields;
        return true;
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (state_ == State::shape_items) {
            if (tensor_.shape.size() == max_rank)
                throw Error(Errc::too_large, tensor_subject(), fmt::format("has more than {} dimensions", max_rank), 8);
            tensor_.shape.push_back(value);
        } else if (state_ == State::offset_items && offsets_.size() < 2) {
            offsets_.push_back(value);
        } else {
            malformed("a number where none belongs");
        }
        return true;
    }

    bool null() override { malformed("null"); }
    bool boolean(bool) override { malformed("a boolean"); }
    bool number_integer(number_integer_t) override { malformed("a negative number"); }
    bool number_float(number_float_t, const string_t&) override { malformed("a number that is not an integer"); }
    bool binary(binary_t&) override { malformed("binary data"); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw Error(Errc::header_not_json, subject_, "the header is not valid JSON", 8 + position);
    }

  private:
    enum class State {
        document,
        names,          // inside the outermost object
        tensor_value,   // after a tensor's name
        fields,         // inside a tensor
        dtype,          // after "dtype"
        shape,          // after "shape"
        shape_items,    // inside it
        offsets,        // after "data_offsets"
        offset_items,   // inside it
        metadata_value, // after "__metadata__"
        metadata,       // inside it
        metadata_text,  // after a key in it
        done,
    };

    [[noreturn]] void malformed(std::string_view what) const {
        throw Error(Errc::header_malformed, subject_, fmt::format("the header holds {}", what), 8);
    }
    [[nodiscard]] std::string tensor_subject() const { return fmt::format("{}: tensor '{}'", subject_, tensor_.name); }

    void start_entry(const std::string& name) {
        if (!names_.insert(name).second)
            throw Error(Errc::duplicate_tensor, subject_, fmt::format("the header names '{}' twice", name), 8);
        if (name == "__metadata__") {
            state_ = State::metadata_value;
            return;
        }
        if (!formats::is_valid_name(name))
            throw Error(Errc::unsafe_name, subject_, "a tensor's name holds NUL or is longer than 65,535 bytes", 8);
        if (header_.tensors.size() == max_entries)
            throw Error(Errc::too_large, subject_, "holds more tensors than a container can", 8);
        tensor_ = {};
        tensor_.name = name;
        offsets_.clear();
        seen_dtype_ = seen_shape_ = seen_offsets_ = false;
        state_ = State::tensor_value;
    }

    void start_field(const std::string& key) {
        const auto once = [&](bool& seen) {
            if (std::exchange(seen, true)) malformed("a field of a tensor twice");
        };
        if (key == "dtype") {
            once(seen_dtype_);
            state_ = State::dtype;
        } else if (key == "shape") {
            once(seen_shape_);
            state_ = State::shape;
        } else if (key == "data_offsets") {
            once(seen_offsets_);
            state_ = State::offsets;
        } else {
            malformed("an unknown field of a tensor");
        }
    }

    void finish_tensor() {
        if (!seen_dtype_ || !seen_shape_ || !seen_offsets_) malformed("a tensor without dtype, shape or data_offsets");
        tensor_.begin = offsets_[0];
        tensor_.end = offsets_[1];
        header_.tensors.push_back(std::move(tensor_));
    }

    SafetensorsHeader& header_;
    const std::string& subject_;
    State state_ = State::document;
    std::unordered_set<std::string> names_;
    std::unordered_set<std::string> metadata_keys_;
    SafetensorsTensor tensor_;
    std::vector<std::uint64_t> offsets_;
    bool seen_dtype_ = false;
    bool seen_shape_ = false;
    bool seen_offsets_ = false;
};

// Orders the tensors by their data and checks that they cover it exactly. Offsets become offsets in the file.
void check_data(SafetensorsHeader& header, std::uint64_t file_size, const std::string& subject) {
    const std::uint64_t available = file_size - header.data_begin;
    std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::uint64_t position = 0;
    for (SafetensorsTensor& tensor : header.tensors) {
        const auto refuse = [&](Errc code, std::string_view detail, std::uint64_t offset) {
            std::uint64_t at = 0;
            throw Error(code, fmt::format("{}: tensor '{}'", subject, tensor.name), detail,
                        checked_add(header.data_begin, offset, at) ? std::optional(at) : std::nullopt);
        };
        if (tensor.end < tensor.begin) refuse(Errc::tensor_size_mismatch, "ends before it begins", tensor.begin);
        if (tensor.end > available) refuse(Errc::tensor_out_of_bounds, "lies past the end of the file", tensor.end);
        if (tensor.begin < position) refuse(Errc::tensor_overlap, "shares bytes with another one", tensor.begin);
        if (tensor.begin > position) refuse(Errc::tensor_hole, "follows bytes that belong to no tensor", position);
        std::uint64_t bytes = 0;
        try {
            bytes = tensor_bytes(tensor.dtype, tensor.shape);
        } catch (const Error& error) {
            refuse(error.errc(), "its shape does not give a whole number of bytes that fits in 64 bits", tensor.begin);
        }
        if (bytes != tensor.end - tensor.begin)
            refuse(Errc::tensor_size_mismatch, "its offsets and its shape disagree", tensor.begin);
        position = tensor.end;
        tensor.begin += header.data_begin;
        tensor.end += header.data_begin;
    }
    if (position != available)
        throw Error(Errc::data_trailing_bytes, subject, "holds bytes after the last tensor",
                    header.data_begin + position);
}

} // namespace

SafetensorsHeader parse_safetensors_header(Bytes json, std::uint64_t file_size, const std::string& subject) {
    const std::string_view text = as_text(json);
    if (text.empty() || text.front() != '{')
        throw Error(Errc::header_not_json, subject, "the header does not start with '{'", 8);
    // The parser takes NUL for the end of its input and would pass over whatever follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        throw Error(Errc::header_not_json, subject, "the header holds NUL", 8 + nul);
    SafetensorsHeader header;
    header.data_begin = 8 + json.size();
    if (file_size < header.data_begin)
        throw Error(Errc::header_truncated, subject, "the header ends past the end of the file", 0);
    HeaderBuilder builder(header, subject);
    Json::sax_parse(text.begin(), text.end(), &builder);
    check_data(header, file_size, subject);
    return header;
}

SafetensorsHeader read_safetensors_header(const ByteSource& file, std::vector<std::byte>& head) {
    const std::uint64_t file_size = file.size();
    if (file_size < 8)
        throw Error(Errc::header_truncated, file.name(), "is shorter than a safetensors header", file_size);
    head.resize(8);
    file.read_at(0, head);
    const auto length = load_le<std::uint64_t>(head, 0);
    if (length > safetensors_max_header)
        throw Error(Errc::header_too_long, file.name(), "the header is longer than 100,000,000 bytes", 0);
    if (length > file_size - 8)
        throw Error(Errc::header_truncated, file.name(), "the header ends past the end of the file", 0);
    head.resize(8 + length);
    file.read_at(8, MutableBytes(head).subspan(8));
    return parse_safetensors_header(Bytes(head).subspan(8), file_size, file.name());
}

} // namespace weightseal
