#include "support/models.hpp"

#include "weightseal/core/dtype.hpp"
#include "weightseal/core/tensor.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weightseal::testing {

TensorData make_tensor(std::string name, std::string dtype, std::vector<std::uint64_t> shape, std::uint64_t seed) {
    Data data = patterned(tensor_bytes(dtype_from_name(dtype).value(), shape), seed);
    return {std::move(name), std::move(dtype), std::move(shape), std::move(data)};
}

Data safetensors_raw(std::string_view header, Bytes data) {
    Data file(8);
    store_le(file, 0, static_cast<std::uint64_t>(header.size()));
    const Bytes text = as_bytes(header);
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), data.begin(), data.end());
    return file;
}

Data safetensors_file(const std::vector<TensorData>& tensors,
                      const std::vector<std::pair<std::string, std::string>>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    for (const auto& [key, value] : metadata)
        header["__metadata__"][key] = value;
    Data data;
    for (const TensorData& tensor : tensors) {
        const std::size_t begin = data.size();
        data.insert(data.end(), tensor.data.begin(), tensor.data.end());
        header[tensor.name] = {
            {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
    }
    return safetensors_raw(header.dump(), data);
}

std::size_t MemoryModel::add_file(std::string name, Data data) {
    entries_.push_back({.kind = SourceEntry::Kind::file, .name = std::move(name), .bytes = data.size()});
    data_.push_back(std::move(data));
    return entries_.size() - 1;
}

std::size_t MemoryModel::add_tensor(TensorData tensor, std::optional<std::size_t> head) {
    entries_.push_back({.kind = SourceEntry::Kind::tensor,
                        .name = std::move(tensor.name),
                        .dtype = dtype_from_name(tensor.dtype).value(),
                        .shape = std::move(tensor.shape),
                        .bytes = tensor.data.size(),
                        .link = head});
    data_.push_back(std::move(tensor.data));
    return entries_.size() - 1;
}

std::size_t MemoryModel::add_alias(std::string name, std::string_view dtype, std::vector<std::uint64_t> shape,
                                   std::size_t target) {
    entries_.push_back({.kind = SourceEntry::Kind::alias,
                        .name = std::move(name),
                        .dtype = dtype_from_name(dtype).value(),
                        .shape = std::move(shape),
                        .bytes = entries_[target].bytes,
                        .link = target});
    data_.emplace_back();
    return entries_.size() - 1;
}

void MemoryModel::read(std::size_t entry, std::uint64_t offset, MutableBytes to) const {
    std::ranges::copy(Bytes(data_[entry]).subspan(offset, to.size()), to.begin());
}

} // namespace weightseal::testing
