#pragma once
// safetensors: a strict reader of the header, and a file of that format as a model source.

#include "weightseal/formats/model_source.hpp" // ModelSource
#include "weightseal/io/byte_source.hpp"       // ByteSource

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weightseal {

/// Longest header the format allows, bytes.
inline constexpr std::uint64_t safetensors_max_header = 100'000'000;

/// A tensor of a safetensors header. `begin` and `end` are byte offsets in the file.
struct SafetensorsTensor {
    std::string name;
    Dtype dtype{};
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// A parsed header: tensors in the order of their data, which covers the file without hole or overlap.
struct SafetensorsHeader {
    std::uint64_t data_begin = 0; ///< bytes of length prefix and JSON
    std::vector<SafetensorsTensor> tensors;
};

/// Parses the JSON of a header and checks it against `file_size`. `subject` is what errors call the file.
/// Throws one of the safetensors codes of `Errc`, or `too_large`/`unsafe_name` for what a container cannot hold.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(Bytes json, std::uint64_t file_size,
                                                         const std::string& subject);

/// Reads length prefix and header, each byte once; `head` receives both as they stand in the file.
[[nodiscard]] SafetensorsHeader read_safetensors_header(const ByteSource& file, std::vector<std::byte>& head);

/// A single safetensors file as a model; `file_name` becomes the name of its head entry.
[[nodiscard]] std::unique_ptr<ModelSource> safetensors_model(std::shared_ptr<const ByteSource> file,
                                                             std::string file_name);

} // namespace weightseal
