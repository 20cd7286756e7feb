#include "storage/bounds.hpp"

#include "weightseal/core/error.hpp"

#include <fmt/format.h>

namespace weightseal::storage {

void require_at_most(std::size_t most, std::size_t count, std::string_view what) {
    if (count > most)
        throw Error(Errc::policy_too_large, "policy", fmt::format("tells more than {} {} apart", most, what));
}

} // namespace weightseal::storage
