#pragma once
// The picture of the report: T of each tensor beside what chance gives, as SVG.

#include <string>
#include <vector>

namespace weightseal::watermark::report {

/// A histogram of `values`, of which there is at least one, all of them finite, and the expected counts of standard
/// normal ones. Colours come from the page's style.
[[nodiscard]] std::string picture(const std::vector<double>& values);

} // namespace weightseal::watermark::report
