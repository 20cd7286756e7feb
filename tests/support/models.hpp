#pragma once
// Models of tests: safetensors files built by hand, and model sources in memory.

#include "support/files.hpp"
#include "weightseal/formats/model_source.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weightseal::testing {

/// A tensor with its data, as a row of a safetensors file.
struct TensorData {
    std::string name;
    std::string dtype; ///< as safetensors writes it, "F32"
    std::vector<std::uint64_t> shape;
    Data data;
};

/// A tensor of patterned data of the right size; `dtype` must be known.
[[nodiscard]] TensorData make_tensor(std::string name, std::string dtype, std::vector<std::uint64_t> shape,
                                     std::uint64_t seed = 1);

/// A valid safetensors file with the tensors in this order.
[[nodiscard]] Data safetensors_file(const std::vector<TensorData>& tensors,
                                    const std::vector<std::pair<std::string, std::string>>& metadata = {});

/// A file of any header text and any data: length prefix, header, data.
[[nodiscard]] Data safetensors_raw(std::string_view header, Bytes data);

/// Entries with their bytes, as a model source that seals whatever it is given.
class MemoryModel final : public ModelSource {
  public:
    explicit MemoryModel(bool is_folder = true) : is_folder_(is_folder) {}
    std::size_t add_file(std::string name, Data data);
    std::size_t add_tensor(TensorData tensor, std::optional<std::size_t> head = std::nullopt);
    std::size_t add_alias(std::string name, std::string_view dtype, std::vector<std::uint64_t> shape,
                          std::size_t target);
    [[nodiscard]] const std::vector<SourceEntry>& entries() const override { return entries_; }
    [[nodiscard]] bool is_folder() const override { return is_folder_; }
    void read(std::size_t entry, std::uint64_t offset, MutableBytes to) const override;
    [[nodiscard]] const Data& data(std::size_t entry) const { return data_[entry]; }

  private:
    bool is_folder_;
    std::vector<SourceEntry> entries_;
    std::vector<Data> data_;
};

} // namespace weightseal::testing
