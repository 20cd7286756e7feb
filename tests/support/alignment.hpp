#pragma once
// Alignments of models in memory, compared with the original.

#include "support/catch.hpp"
#include "support/symmetries.hpp"
#include "watermark/alignment.hpp"

#include <cmath>
#include <map>

namespace weightseal::testing {

/// Every tensor of the record in the original's coordinates; those without any value are missing.
struct Aligned {
    ModelFamily family = ModelFamily::none;
    std::map<std::string, std::vector<float>> tensors;

    [[nodiscard]] const std::vector<float>& at(const std::string& name) const { return tensors.at(name); }
};

inline Aligned align(const ModelSource& original, const ModelSource& suspect, const WatermarkRecord& record,
                     ModelFamily family = ModelFamily::automatic, const Parallel& parallel = {},
                     const Hooks& hooks = {}) {
    const auto matches = watermark::match_tensors(suspect, record);
    const auto alignment = watermark::make_alignment(original, suspect, record, matches, family, parallel, hooks);
    Aligned aligned{alignment->family(), {}};
    for (std::size_t i = 0; i < record.tensors.size(); ++i)
        if (const auto tensor = alignment->open(i)) {
            std::uint64_t elements = 1;
            for (const std::uint64_t extent : record.tensors[i].shape)
                elements *= extent;
            auto& values = aligned.tensors[record.tensors[i].name];
            values.resize(elements);
            tensor->read(0, values);
        }
    return aligned;
}

inline Aligned align(const ModelSource& original, const ModelSource& suspect,
                     ModelFamily family = ModelFamily::automatic, const Parallel& parallel = {},
                     const Hooks& hooks = {}) {
    return align(original, suspect, record_of(original), family, parallel, hooks);
}

/// The tensors of a model as floats.
inline std::map<std::string, std::vector<float>> floats_of(const Transformer& model) {
    std::map<std::string, std::vector<float>> tensors;
    for (const Transformer::Weight& weight : model.weights)
        for (Eigen::Index i = 0; i < weight.values.rows(); ++i)
            for (Eigen::Index j = 0; j < weight.values.cols(); ++j)
                tensors[weight.name].push_back(static_cast<float>(weight.values(i, j)));
    return tensors;
}

/// Square root of Σ (a − b)²/Σ b² over the elements of `a` that are numbers.
inline double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!std::isnan(a[i])) {
            difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
            size += std::pow(static_cast<double>(b[i]), 2);
        }
    return size > 0 ? std::sqrt(difference / size) : 1;
}

inline std::size_t count_nan(const std::vector<float>& values) {
    return static_cast<std::size_t>(std::ranges::count_if(values, [](float value) { return std::isnan(value); }));
}

/// The largest relative difference of any matrix, all of whose elements must have values.
inline double worst_difference(const Aligned& aligned, const Transformer& original) {
    const auto wanted = floats_of(original);
    double worst = 0;
    for (const Transformer::Weight& weight : original.weights) {
        if (weight.is_vector) continue;
        INFO(weight.name);
        const auto found = aligned.tensors.find(weight.name);
        REQUIRE(found != aligned.tensors.end());
        CHECK(count_nan(found->second) == 0);
        const double difference = relative_difference(found->second, wanted.at(weight.name));
        CAPTURE(difference);
        worst = std::max(worst, difference);
    }
    return worst;
}

} // namespace weightseal::testing
