#pragma once
// What the parts of the watermark share: the record's handle, and statistics as C has them.

#include "common.hpp"

#include "weightseal/watermark/mark.hpp"
#include "weightseal/watermark/record.hpp"
#include "weightseal/watermark/statistics.hpp"

#include <memory>

// Never changes, so that a detection can keep the record it was made with.
struct wseal_record {
    std::shared_ptr<const weightseal::WatermarkRecord> record;
    weightseal::MarkIdentity identity; // of the record
    std::string signer{};              // text form; empty when the record is not signed
};

namespace weightseal::capi {

[[nodiscard]] inline wseal_correlation to_c(const Correlation& correlation) noexcept {
    return {correlation.s, correlation.q};
}

[[nodiscard]] inline wseal_significance to_c(const Significance& significance) noexcept {
    return {significance.z, significance.log10_p, significance.log10_p_2_64_keys};
}

} // namespace weightseal::capi
