// Records. What is accepted has one text, and means the same when it is read again.

#include "base.hpp"
#include "crypto/codec.hpp"
#include "support/records.hpp"
#include "weightseal/core/tensor.hpp"

#include <nlohmann/json.hpp>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

void read(const std::string& json) {
    try {
        const WatermarkRecord record = parse_record(json, "fuzz");
        const auto unsorted =
            std::ranges::adjacent_find(record.tensors, std::ranges::greater_equal{}, &RecordTensor::name);
        require(unsorted == record.tensors.end(), "sorted, each name once");
        std::uint64_t marked = 0;
        for (const RecordTensor& tensor : record.tensors) {
            require(tensor.shape.size() <= max_rank, "a rank that tensors have");
            const std::uint64_t bytes = tensor_bytes(tensor.dtype, tensor.shape);
            require(!tensor.mark || tensor.mark->elements <= bytes, "no more marks than elements");
            require(!tensor.mark || checked_add(marked, tensor.mark->elements, marked), "marks can be counted");
        }
        require(marked == record.marked_elements(), "marks are counted");
        const std::string text = to_json(record);
        require(to_json(parse_record(text, "fuzz")) == text, "one text for a record");
    } catch (const Error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    read(text);
    // Once more with a digest that fits, which a fuzzer does not find by itself.
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("claim")) return 0;
    const crypto::Hash digest = crypto::sha256({as_bytes(json["claim"].dump())});
    json["evidence"] = {{"digest", crypto::to_hex(digest)}};
    read(json.dump());
    return 0;
}
