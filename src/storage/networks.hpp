#pragma once
// Where requests come from.

#include "storage/targets.hpp"

namespace weightseal::storage {

/// A way without transport and signing for each network and VPC endpoint that policies tell apart; the Internet first.
[[nodiscard]] std::vector<Way> networks_apart(const Intent& intent, const ComparedValues& compared);

} // namespace weightseal::storage
