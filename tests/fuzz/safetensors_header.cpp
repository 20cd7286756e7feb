// Headers of safetensors files. What is accepted covers the file's data exactly, tensor by tensor.

#include "base.hpp"
#include "weightseal/core/tensor.hpp"
#include "weightseal/formats/safetensors.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The first bytes choose how much data the file has after its header.
    FuzzedDataProvider input(data, size);
    const auto data_bytes = input.ConsumeBool() ? input.ConsumeIntegral<std::uint64_t>()
                                                : input.ConsumeIntegralInRange<std::uint64_t>(0, 64);
    const std::string json = input.ConsumeRemainingBytesAsString();
    std::uint64_t file_size = 0;
    if (!checked_add(8 + json.size(), data_bytes, file_size)) return 0;
    try {
        const SafetensorsHeader header = parse_safetensors_header(as_bytes(json), file_size, "fuzz");
        require(header.data_begin == 8 + json.size(), "data begin after the header");
        std::uint64_t position = header.data_begin;
        for (const SafetensorsTensor& tensor : header.tensors) {
            require(tensor.begin == position && tensor.end >= tensor.begin, "no hole and no overlap");
            require(tensor_bytes(tensor.dtype, tensor.shape) == tensor.end - tensor.begin, "a shape gives its size");
            require(tensor.shape.size() <= max_rank, "a rank that a container holds");
            position = tensor.end;
        }
        require(position == file_size, "no bytes left over");
    } catch (const Error&) {
    }
    return 0;
}
