#include "watermark/choose.hpp"

#include "formats/dequantize.hpp"
#include "watermark/marker.hpp"
#include "watermark/rows.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>

namespace weightseal::watermark {
namespace {

std::uint64_t element_count(const SourceEntry& tensor) {
    return tensor.bytes * 8 / dtype_bits(tensor.dtype);
}

bool has_markable_shape(const SourceEntry& tensor) {
    return tensor.shape.size() >= 2 && tensor.bytes != 0 && rows_of(tensor.shape).length <= max_row;
}

bool is_fp8(Dtype dtype) {
    return formats::is_float(dtype) && !is_markable(dtype);
}

[[noreturn]] void refuse(const SourceEntry& tensor) {
    throw Error(Errc::unmarkable_dtype, tensor.name,
                fmt::format("is {}, whose steps are coarser than a mark: mark the model before it is quantized",
                            dtype_name(tensor.dtype)));
}

bool has_wildcard(const std::string& pattern) {
    return pattern.find_first_of("*?[") != std::string::npos;
}

} // namespace

std::vector<bool> choose_tensors(const ModelSource& model, const std::vector<std::string>& patterns) {
    const auto& entries = model.entries();
    std::vector<bool> chosen(entries.size());
    std::vector<bool> used(patterns.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const SourceEntry& tensor = entries[i];
        if (tensor.kind != SourceEntry::Kind::tensor) continue;
        bool wanted = patterns.empty() && element_count(tensor) >= min_marked_elements;
        for (std::size_t p = 0; p < patterns.size(); ++p) {
            if (fnmatch(patterns[p].c_str(), tensor.name.c_str(), 0) != 0) continue;
            used[p] = wanted = true;
            if (has_wildcard(patterns[p])) continue;
            if (!is_markable(tensor.dtype)) refuse(tensor);
            if (!has_markable_shape(tensor))
                throw Error(Errc::nothing_to_mark, tensor.name,
                            "has fewer than two dimensions, no elements, or rows of more than 2^20 elements");
        }
        if (!wanted || !has_markable_shape(tensor)) continue;
        if (is_fp8(tensor.dtype)) refuse(tensor);
        chosen[i] = is_markable(tensor.dtype);
    }
    for (std::size_t p = 0; p < patterns.size(); ++p)
        if (!used[p])
            throw Error(Errc::nothing_to_mark, "model", fmt::format("no tensor is named like '{}'", patterns[p]));
    if (std::ranges::find(chosen, true) == chosen.end())
        throw Error(Errc::nothing_to_mark, "model",
                    "no tensor of F64, F32, F16 or BF16 has two dimensions and enough elements");
    return chosen;
}

} // namespace weightseal::watermark
