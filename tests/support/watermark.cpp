#include "support/watermark.hpp"

#include "crypto/ctr.hpp"
#include "crypto/hash.hpp"
#include "formats/dequantize.hpp"
#include "watermark/identity.hpp"
#include "watermark/sketch.hpp"

#include <algorithm>
#include <bit>
#include <random>
#include <stdexcept>

namespace weightseal::testing {
namespace {

// Of non-negative finite halves, whose values rise with their patterns, the nearest.
std::uint16_t nearest_half(double magnitude) {
    const auto value = [](unsigned pattern) -> double {
        return static_cast<double>(formats::f16_to_float(static_cast<std::uint16_t>(pattern)));
    };
    constexpr unsigned largest = 0x7BFF;
    unsigned below = 0;
    for (unsigned bit = 0x4000; bit != 0; bit >>= 1)
        if ((below | bit) <= largest && value(below | bit) <= magnitude) below |= bit;
    const bool up = below != largest && value(below + 1) - magnitude < magnitude - value(below);
    return static_cast<std::uint16_t>(below + (up ? 1 : 0));
}

} // namespace

Key watermark_key(std::uint64_t number) {
    std::array<std::byte, secret_size> bytes{};
    store_le(bytes, 0, number);
    return {KeyKind::watermark, Secret::copy_of(bytes)};
}

std::vector<int> chips_of(const Key& key, const MarkIdentity& identity, std::string_view tensor,
                          const std::vector<std::uint64_t>& shape, std::size_t count) {
    Data keystream((count + 7) / 8);
    crypto::AesCtr(watermark::Identity(key, identity).chip_key(tensor, shape).bytes()).fill(0, keystream);
    std::vector<int> chips(count);
    for (std::size_t i = 0; i < count; ++i)
        chips[i] = (std::to_integer<unsigned>(keystream[i / 8]) >> (i % 8) & 1U) != 0 ? -1 : 1;
    return chips;
}

Data stored(std::string_view dtype, const std::vector<double>& values) {
    const Dtype type = dtype_from_name(dtype).value();
    const std::size_t size = dtype_bits(type) / 8;
    Data data(values.size() * size);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = static_cast<float>(values[i]);
        switch (type) {
        case Dtype::f64: store_le(data, i * size, values[i]); break;
        case Dtype::f32: store_le(data, i * size, value); break;
        case Dtype::bf16: {
            const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
            store_le(data, i * size, static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16));
            break;
        }
        case Dtype::f16: {
            const unsigned sign = std::signbit(values[i]) ? 0x8000U : 0U;
            store_le(data, i * size, static_cast<std::uint16_t>(nearest_half(std::abs(values[i])) | sign));
            break;
        }
        default: throw std::runtime_error("no such weights");
        }
    }
    return data;
}

std::vector<float> values_of(const TensorData& tensor) {
    const Dtype dtype = dtype_from_name(tensor.dtype).value();
    std::vector<float> values(tensor.data.size() * 8 / dtype_bits(dtype));
    formats::to_floats(dtype, tensor.data, values);
    return values;
}

TensorData normal_tensor(std::string name, std::string dtype, std::vector<std::uint64_t> shape, std::uint64_t seed,
                         double deviation) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal(0, deviation);
    std::vector<double> values(tensor_bytes(Dtype::u8, shape));
    for (double& value : values)
        value = normal(engine);
    Data data = stored(dtype, values);
    return {std::move(name), std::move(dtype), std::move(shape), std::move(data)};
}

MemoryModel model_of(const std::vector<TensorData>& tensors) {
    MemoryModel model;
    const std::size_t head = model.add_file("model.safetensors", {});
    for (const TensorData& tensor : tensors)
        model.add_tensor(tensor, head);
    return model;
}

std::vector<TensorData> tensors_of(const ModelSource& model) {
    std::vector<TensorData> tensors;
    for (std::size_t i = 0; i < model.entries().size(); ++i) {
        const SourceEntry& entry = model.entries()[i];
        if (entry.kind != SourceEntry::Kind::tensor) continue;
        Data data(entry.bytes);
        model.read(i, 0, data);
        tensors.push_back({entry.name, std::string(dtype_name(entry.dtype)), entry.shape, std::move(data)});
    }
    return tensors;
}

MarkOptions mark_options(std::optional<double> strength, unsigned threads) {
    MarkOptions options;
    options.owner = "acme";
    options.model_id = "model";
    options.strength = strength;
    options.parallel.threads = threads;
    return options;
}

Marked marked(const std::vector<TensorData>& original, const Key& key, const MarkOptions& options) {
    const TemporaryFolder folder;
    write_file(folder / "original.safetensors", safetensors_file(original));
    MarkReport report = mark(*open_model(folder / "original.safetensors"), folder / "marked.safetensors", key, options);
    return {tensors_of(*open_model(folder / "marked.safetensors")), std::move(report)};
}

WatermarkRecord record_of(const std::vector<TensorData>& original, const Key& key, double strength) {
    WatermarkRecord record;
    record.owner = "acme";
    record.model_id = "model";
    record.strength = strength;
    for (const TensorData& tensor : original)
        record.tensors.push_back({.name = tensor.name,
                                  .dtype = dtype_from_name(tensor.dtype).value(),
                                  .shape = tensor.shape,
                                  .digest = crypto::sha256({Bytes(tensor.data)})});
    std::ranges::sort(record.tensors, {}, &RecordTensor::name);
    record.root = original_root(record.tensors);
    const MemoryModel model = model_of(original);
    for (RecordTensor& tensor : record.tensors) {
        if (tensor.shape.size() < 2) continue;
        const auto entry = std::ranges::find(model.entries(), tensor.name, &SourceEntry::name);
        tensor.mark = RecordTensor::Mark{
            .elements = tensor_bytes(Dtype::u8, tensor.shape),
            .sketch = watermark::sketch_of(model, static_cast<std::size_t>(entry - model.entries().begin()))};
    }
    commit_to(record, key);
    return record;
}

void commit_to(WatermarkRecord& record, const Key& key) {
    const watermark::Identity identity(key, mark_identity(record));
    for (RecordTensor& tensor : record.tensors)
        if (tensor.mark) tensor.mark->commitment = watermark::commitment(identity.chip_key(tensor.name, tensor.shape));
}

Detection detection(const std::vector<TensorData>& suspect, const Key& key, const WatermarkRecord& record) {
    DetectOptions options;
    options.parallel.threads = 1;
    return detect(model_of(suspect), key, record, options);
}

Correlation at(const Correlations& correlations, Statistic statistic) {
    return correlations[static_cast<std::size_t>(statistic)].value_or(Correlation{});
}

} // namespace weightseal::testing
