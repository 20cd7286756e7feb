#include "weightseal/container/facts.hpp"

#include "container/opening.hpp"

namespace weightseal {

Facts inspect(const ByteSource& file) {
    return container::facts_of(container::read_public_part(file));
}

Facts inspect(const std::filesystem::path& path) {
    return inspect(*file_source(path));
}

} // namespace weightseal
