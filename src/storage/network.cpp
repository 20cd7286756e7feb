#include "storage/network.hpp"

#include "platform/address.hpp"
#include "storage/bounds.hpp"
#include "storage/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <span>

namespace weightseal::storage {
namespace {

struct Named {
    std::string text;
    Network network;
};

class Places {
  public:
    explicit Places(const std::set<std::string>& texts) {
        require_at_most(max_addresses, texts.size(), "addresses"); // before all are held against all
        for (const std::string& text : texts) {
            if (const auto network = Network::parse(text))
                networks_.push_back({text, *network});
            else
                patterns_.insert(text);
        }
    }

    std::vector<Place> all() {
        std::vector<Network> candidates;
        for (const Named& one : networks_) {
            candidates.push_back(one.network.first());
            if (const auto next = one.network.next()) candidates.push_back(*next);
        }
        add(internet(candidates));
        for (const Network& one : candidates)
            add(one);
        for (const std::string& pattern : patterns_)
            if (const auto one = address_of(pattern)) add(*one);
        return std::move(places_);
    }

  private:
    Network internet(const std::vector<Network>& candidates) const {
        const auto is_free = [&](const Network& one) {
            return std::ranges::none_of(networks_, [&](const Named& other) {
                return other.network.is_narrow() && other.network.contains(one);
            });
        };
        for (const std::string_view text : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "100.100.100.100", "9.9.9.9"})
            if (const Network one = *Network::parse(text); is_free(one)) return one;
        const auto found = std::ranges::find_if(candidates, is_free);
        return found != candidates.end() ? *found : *Network::parse("8.8.4.4");
    }

    // An address that a text with wildcards matches, such as 203.0.113.*.
    static std::optional<Network> address_of(std::string text) {
        for (char& c : text)
            if (c == '*' || c == '?') c = '1';
        for (int i = 0; i < 4; ++i, text += ".1")
            if (const auto one = Network::parse(text)) return one;
        return std::nullopt;
    }

    void add(const Network& one) {
        Place place;
        place.address = one.address();
        std::string signature;
        const Named* narrowest = nullptr;
        for (const Named& other : networks_) {
            const bool is_in = other.network.contains(one);
            signature += is_in ? '1' : '0';
            if (is_in && (narrowest == nullptr || other.network.prefix > narrowest->network.prefix)) narrowest = &other;
        }
        if (!signatures_.insert(signature + signature_of(patterns_, place.address)).second) return;
        if (narrowest != nullptr) {
            place.network = narrowest->text;
            place.is_first = narrowest->network.first().bytes == one.bytes;
            place.is_everybodys = !narrowest->network.is_narrow();
        }
        places_.push_back(std::move(place));
        require_at_most(max_addresses, places_.size(), "addresses");
    }

    std::vector<Named> networks_;
    std::set<std::string> patterns_;
    std::set<std::string> signatures_;
    std::vector<Place> places_;
};

} // namespace

std::optional<Network> Network::parse(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    const std::string_view address = text.substr(0, slash);
    Network network;
    if (platform::parse_ipv4(address, std::span(network.bytes).first<4>()))
        network.bits = 32;
    else if (platform::parse_ipv6(address, network.bytes))
        network.bits = 128;
    else
        return std::nullopt;
    network.prefix = network.bits;
    if (slash == text.npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || network.prefix > network.bits)
        return std::nullopt;
    return network;
}

bool Network::contains(const Network& other) const noexcept {
    if (bits != other.bits || prefix > other.prefix) return false;
    for (unsigned bit = 0; bit < prefix; ++bit)
        if ((bytes[bit / 8] ^ other.bytes[bit / 8]) >> (7 - bit % 8) & 1) return false;
    return true;
}

bool Network::is_narrow() const noexcept {
    return prefix >= (bits == 32 ? 8U : 32U);
}

Network Network::first() const noexcept {
    Network one = *this;
    one.prefix = bits;
    for (unsigned bit = prefix; bit < bits; ++bit)
        one.bytes[bit / 8] = static_cast<std::uint8_t>(one.bytes[bit / 8] & ~(0x80U >> bit % 8));
    return one;
}

std::optional<Network> Network::next() const noexcept {
    Network one = first();
    for (unsigned bit = prefix; bit-- != 0;) {
        one.bytes[bit / 8] = static_cast<std::uint8_t>(one.bytes[bit / 8] ^ (0x80U >> bit % 8));
        if ((one.bytes[bit / 8] & (0x80U >> bit % 8)) != 0) return one;
    }
    return std::nullopt;
}

std::string Network::address() const {
    if (bits == 32) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        text += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] << 8 | bytes[i + 1]);
    return text;
}

std::vector<Place> places_apart(const std::set<std::string>& texts) {
    return Places(texts).all();
}

} // namespace weightseal::storage
