#include "cli/location.hpp"

#include "weightseal/io/remote_source.hpp" // is_remote

namespace weightseal::cli {

std::string shown_location(const std::string& location) {
    const std::size_t query = location.find('?');
    if (query == location.npos || !is_remote(location) || location.starts_with("s3://")) return location;
    return location.substr(0, query) + "?...";
}

} // namespace weightseal::cli
