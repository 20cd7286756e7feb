#pragma once
// What must hold between the tensors of a record, beyond the form of each.

#include "weightseal/watermark/record.hpp"

#include <string>

namespace weightseal::watermark {

/// Throws `record_malformed` unless names are sorted and unique, shapes fit, marks are possible, something is marked,
/// and tied tensors are tied to a marked one of equal dtype, shape and data.
void check_tensors(const WatermarkRecord& record, const std::string& subject);

} // namespace weightseal::watermark
