#include "guard/shared/cluster.hpp"

#include <charconv>

namespace weightseal::guard {

std::uint32_t slot_of(std::string_view tag) noexcept {
    std::uint32_t crc = 0; // CRC-16/XMODEM
    for (const char c : tag) {
        crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021U : 0U)) & 0xFFFF;
    }
    return crc % slot_count;
}

std::optional<Redirection> redirection_of(std::string_view error) {
    Redirection to;
    if (error.starts_with("ASK "))
        to.once = true;
    else if (!error.starts_with("MOVED "))
        return std::nullopt;
    std::string_view rest = error.substr(to.once ? 4 : 6);
    const char* const end = rest.data() + rest.size();
    const auto slot = std::from_chars(rest.data(), end, to.slot);
    const std::size_t colon = rest.rfind(':');
    const bool is_slot = slot.ec == std::errc{} && slot.ptr != end && *slot.ptr == ' ' && to.slot < slot_count;
    if (is_slot && colon != rest.npos) {
        const auto port = std::from_chars(rest.data() + colon + 1, end, to.port);
        const auto host = static_cast<std::size_t>(slot.ptr + 1 - rest.data());
        if (port.ec == std::errc{} && port.ptr == end && to.port != 0 && host <= colon && colon - host < 256) {
            to.host = rest.substr(host, colon - host);
            if (to.host == "?") to.host.clear();
            return to;
        }
    }
    throw Error(Errc::server_answer, "server", "sent a redirection that leads nowhere");
}

Cluster::Cluster(const Access& access, std::size_t most_connections)
    : access_(access), most_connections_(most_connections) {
    find_or_add(access.url.host, access.url.port);
    nodes_[0]->slots = slot_count;
}

void Cluster::assign(std::uint32_t first, std::uint32_t last, std::size_t node) {
    const std::lock_guard lock(changing_);
    for (std::uint32_t slot = first; slot <= last; ++slot) {
        const std::size_t before = slots_[slot].load(std::memory_order_relaxed);
        if (before == node) continue;
        ++nodes_[node]->slots; // first: a server without any is given up
        slots_[slot].store(static_cast<std::uint16_t>(node), std::memory_order_release);
        --nodes_[before]->slots;
    }
    has_slots_.store(true, std::memory_order_relaxed);
}

std::size_t Cluster::find_or_add(const std::string& host, std::uint16_t port) {
    const std::lock_guard lock(changing_);
    const std::size_t count = count_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i)
        if (nodes_[i]->host() == host && nodes_[i]->port() == port) return i;
    if (count == max_nodes) throw Error(Errc::server_answer, "server", "names more servers than a cluster may have");
    nodes_[count] = std::make_unique<Node>(access_, host, port, most_connections_);
    count_.store(count + 1, std::memory_order_release);
    return count;
}

void Cluster::learn(const std::vector<SlotRange>& ranges, const Node& asked) {
    for (const SlotRange& range : ranges)
        assign(range.first, range.last, find_or_add(range.host.empty() ? asked.host() : range.host, range.port));
}

std::size_t Cluster::follow(const Redirection& to, const Node& asked) {
    const std::size_t node = find_or_add(to.host.empty() ? asked.host() : to.host, to.port);
    if (!to.once) assign(to.slot, to.slot, node);
    return node;
}

} // namespace weightseal::guard
