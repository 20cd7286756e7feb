#include "storage/networks.hpp"

#include "storage/bounds.hpp"
#include "storage/network.hpp"
#include "storage/pattern.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::storage {
namespace {

// An endpoint or VPC. Ids are given by AWS: nobody can have one that is named, or one that a wildcard happens to match
// on purpose; but that may be by chance.
struct Named {
    std::string id;
    bool is_own = false;  // of a caller whom nobody thought of
    bool is_wide = false; // anybody may have it
};

// Of each kind that patterns tell apart, the caller's own first.
std::vector<Named> ids_apart(const std::set<std::string>& patterns, std::string_view kind, std::string_view own) {
    require_at_most(max_networks, patterns.size(), "networks"); // before all are held against all
    const Filler filler(patterns);
    std::vector<Named> ids;
    std::set<std::string> signatures;
    const auto add = [&](std::string id) {
        if (!signatures.insert(signature_of(patterns, id)).second) return;
        const bool is_named = patterns.contains(id);
        ids.push_back({std::move(id), ids.empty(), !is_named});
    };
    add(std::string(own));
    for (const std::string& pattern : patterns) {
        add(instance_of(pattern));
        add(filler.fill(pattern));
    }
    add(std::string(kind) + filler.text());
    return ids;
}

class Networks {
  public:
    Networks(const Intent& intent, const ComparedValues& compared) : intent_(intent), compared_(compared) {}

    std::vector<Way> all() {
        for (const Place& place : places_apart(values_of(compared_, "aws:sourceip")))
            add(place);
        std::set<std::string> patterns = values_of(compared_, "aws:sourcevpce");
        patterns.insert(intent_.vpc_endpoints.begin(), intent_.vpc_endpoints.end());
        const std::vector<Named> vpcs =
            ids_apart(values_of(compared_, "aws:sourcevpc"), "vpc-", "vpc-0fedcba9876543210");
        const std::vector<Named> endpoints = ids_apart(patterns, "vpce-", "vpce-0fedcba9876543210");
        require_at_most(max_networks, endpoints.size() * vpcs.size(), "networks");
        for (const Named& endpoint : endpoints)
            for (const Named& vpc : vpcs)
                add(endpoint, vpc);
        return std::move(ways_);
    }

  private:
    Way& add(std::string words, bool is_wide, bool is_intended) {
        Way& way = ways_.emplace_back();
        way.words = std::move(words);
        way.is_wide = is_wide;
        way.is_intended = is_intended;
        return way;
    }

    void add(const Place& place) {
        const std::string words = ways_.empty()           ? "from the Internet"
                                  : place.is_first        ? "from " + place.network
                                  : place.network.empty() ? "from " + place.address
                                                          : fmt::format("from {} in {}", place.address, place.network);
        add(words, place.is_everybodys, intent_.vpc_endpoints.empty()).keys = {{"aws:SourceIp", place.address}};
    }

    void add(const Named& endpoint, const Named& vpc) {
        const std::string words = !endpoint.is_own ? "through VPC endpoint " + endpoint.id
                                  : vpc.is_own     ? "through a VPC endpoint of the caller's own"
                                                   : "through a VPC endpoint";
        const bool is_intended = intent_.vpc_endpoints.empty() ||
                                 std::ranges::find(intent_.vpc_endpoints, endpoint.id) != intent_.vpc_endpoints.end();
        add(vpc.is_own ? words : words + " of " + vpc.id, endpoint.is_wide && vpc.is_wide, is_intended).keys = {
            {"aws:SourceVpce", endpoint.id}, {"aws:SourceVpc", vpc.id}};
    }

    const Intent& intent_;
    const ComparedValues& compared_;
    std::vector<Way> ways_;
};

} // namespace

std::vector<Way> networks_apart(const Intent& intent, const ComparedValues& compared) {
    return Networks(intent, compared).all();
}

} // namespace weightseal::storage
