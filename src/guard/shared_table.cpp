#include "guard/shared_table.hpp"

#include "crypto/codec.hpp"
#include "crypto/hash.hpp"
#include "guard/carver.hpp"
#include "platform/memory.hpp"
#include "weightseal/core/error.hpp"

#include <algorithm>

namespace weightseal::guard {
namespace {

constexpr std::array<char, 16> magic{'w', 'e', 'i', 'g', 'h', 't', 's', 'e', 'a', 'l', ' ', 'g', 'u', 'a', 'r', 'd'};
constexpr std::uint64_t layout_version = 1; // of everything in the file

struct Header {
    std::array<char, 16> magic{};
    std::uint64_t version = 0;
    std::uint64_t size = 0; // of the file
    crypto::Hash digest{};  // of the limits and the secret
};

// Other limits or another secret would count other things under the same hashes.
crypto::Hash digest_of(const Limits& limits, const Secret& secret) {
    std::vector<std::uint64_t> numbers{
        sizeof(Line),           sizeof(Stripe), sizeof(platform::RobustMutex), limits.capacity,
        limits.ticket_lifetime, limits.tickets, limits.signals.has_value(),    limits.logprobs_or_logit_bias};
    std::vector<std::array<std::uint64_t, 5>> each;
    for (const Limit& limit : limits.limits)
        each.push_back({static_cast<std::uint64_t>(limit.tier), static_cast<std::uint64_t>(limit.budget), limit.limit,
                        limit.window, limit.overflow_limit});
    std::ranges::sort(each); // their order says nothing
    return crypto::hmac_sha256(secret.bytes(), [&] {
        std::vector<std::byte> bytes;
        const auto add = [&](std::uint64_t number) {
            bytes.resize(bytes.size() + sizeof number);
            store_le(bytes, bytes.size() - sizeof number, number);
        };
        std::ranges::for_each(as_bytes("weightseal/v1/guard/shared"), [&](std::byte b) { bytes.push_back(b); });
        std::ranges::for_each(numbers, add);
        for (const auto& limit : each)
            std::ranges::for_each(limit, add);
        return bytes;
    }());
}

bool is_zero(const Header& header) {
    return std::ranges::all_of(std::as_bytes(std::span(&header, 1)), [](std::byte b) { return b == std::byte{0}; });
}

} // namespace

SharedTable::SharedTable(const std::filesystem::path& path, const Limits& limits, const Secret& secret) {
    const Header wanted{magic, layout_version, place_parts(nullptr, limits), digest_of(limits, secret)};
    const platform::SharedFile file(path); // nobody else opens it meanwhile
    const std::uint64_t size = file.size();
    Header found;
    const bool has_header = file.read(std::as_writable_bytes(std::span(&found, 1)));
    // Empty, or zeros of the right size: whoever made it was killed before anybody could join.
    const bool fresh = size == 0 || (size == wanted.size && has_header && is_zero(found));
    if (!fresh) {
        if (!has_header || found.magic != magic)
            throw Error(Errc::not_a_shared_table, path.native(), "is no shared table of a guard");
        if (found.version != layout_version)
            throw Error(Errc::not_a_shared_table, path.native(),
                        "is the shared table of another version; remove it once no process uses it");
        if (found.digest != wanted.digest || found.size != wanted.size)
            throw Error(Errc::shared_table_differs, path.native(),
                        "was made for other limits or with another secret; remove it once no process uses it");
        if (size != wanted.size) throw Error(Errc::not_a_shared_table, path.native(), "is cut short, or longer");
    }
    if (fresh) file.allocate(wanted.size);
    mapping_ = platform::SharedMapping(file, wanted.size);
    place_parts(mapping_.bytes().data(), limits);
    if (!fresh) return;
    format(limits);
    in_order();
    auto& header = *reinterpret_cast<Header*>(mapping_.bytes().data());
    header.version = wanted.version;
    header.size = wanted.size;
    header.digest = wanted.digest;
    in_order();
    header.magic = wanted.magic;
}

std::size_t SharedTable::place_parts(std::byte* memory, const Limits& limits) {
    Carver carver(memory);
    carver.take<Header>(1);
    commons_ = carver.take<Commons>(1).data();
    mutexes_ = carver.take<platform::RobustMutex>(stripe_count).data();
    tickets_ = carver.take_bytes(Tickets::size_of(limits.tickets));
    for (std::size_t tier = 0; tier < tier_count; ++tier)
        if (const std::size_t windows = windows_of(limits, static_cast<Tier>(tier)).size(); windows != 0)
            tables_[tier] = carver.take_bytes(Table::size_of(windows, limits.capacity));
    return align_up(carver.size(), platform::page_size);
}

void SharedTable::format(const Limits& limits) const {
    for (std::size_t i = 0; i < stripe_count; ++i)
        new (mutexes_ + i) platform::RobustMutex;
    for (std::size_t tier = 0; tier < tier_count; ++tier)
        if (auto windows = windows_of(limits, static_cast<Tier>(tier)); !windows.empty())
            Table(std::move(windows), limits.capacity, tables_[tier]).format();
}

} // namespace weightseal::guard
