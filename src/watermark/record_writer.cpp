// Writing a record. The claim's text is canonical: fields sorted by name, no blanks.

#include "crypto/base64.hpp"
#include "crypto/codec.hpp"
#include "watermark/claim.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/watermark/record.hpp"
#include "weightseal/watermark/statistics.hpp"

#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace weightseal {
namespace {

// With quotes; escaped as RFC 8785 has it.
std::string json_text(std::string_view text) {
    try {
        return nlohmann::json(text).dump();
    } catch (const nlohmann::json::type_error&) {
        throw Error(Errc::invalid_argument, "record", "holds a text that is not UTF-8");
    }
}

std::string tensor_text(const RecordTensor& tensor) {
    std::string text = fmt::format(R"({{"dtype":"{}",)", dtype_name(tensor.dtype));
    if (const auto& mark = tensor.mark)
        text += fmt::format(R"("mark":{{"commitment":"{}","elements":{},"sha256":"{}","sketch":"{}"}},)",
                            crypto::to_hex(mark->commitment), mark->elements, crypto::to_hex(mark->digest),
                            crypto::to_base64(std::as_bytes(std::span(mark->sketch))));
    text += fmt::format(R"("name":{},"sha256":"{}","shape":[{}])", json_text(tensor.name),
                        crypto::to_hex(tensor.digest), fmt::join(tensor.shape, ","));
    if (tensor.tied_to) text += fmt::format(R"(,"tied_to":{})", json_text(*tensor.tied_to));
    return text += '}';
}

std::string statistic_names() {
    std::string names;
    for (std::uint8_t i = 0; i < statistic_count; ++i)
        names += fmt::format("{}\"{}\"", i == 0 ? "" : ",", statistic_name(static_cast<Statistic>(i)));
    return names;
}

std::string evidence_text(const WatermarkRecord& record, std::string_view claim) {
    std::string evidence = fmt::format(R"({{"digest":"{}")", crypto::to_hex(crypto::sha256({as_bytes(claim)})));
    if (record.signer)
        evidence += fmt::format(R"(,"signer":"{}","signature":"{}")", format_public_key(*record.signer),
                                crypto::to_base64(record.signature));
    if (!record.timestamp.empty()) evidence += fmt::format(R"(,"timestamp":"{}")", crypto::to_base64(record.timestamp));
    return evidence + '}';
}

} // namespace

std::string watermark::strength_text(double strength) {
    std::array<char, 400> text; // longer than any double
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), strength, std::chars_format::fixed);
    return {text.data(), end};
}

void watermark::write_claim(const WatermarkRecord& record, const std::function<void(std::string_view)>& write) {
    write(fmt::format(R"({{"model_id":{},"owner":{},"root":"{}","statistics":[{}],"strength":"{}","tensors":[)",
                      json_text(record.model_id), json_text(record.owner), crypto::to_hex(record.root),
                      statistic_names(), strength_text(record.strength)));
    for (const RecordTensor& tensor : record.tensors) {
        if (&tensor != &record.tensors.front()) write(",");
        write(tensor_text(tensor));
    }
    write("]}");
}

std::string claim_text(const WatermarkRecord& record) {
    std::string claim;
    watermark::write_claim(record, [&](std::string_view part) { claim += part; });
    return claim;
}

std::string to_json(const WatermarkRecord& record) {
    const std::string claim = claim_text(record);
    return fmt::format("{{\"weightseal_record\":{},\n\"claim\":{},\n\"evidence\":{}}}\n", watermark::record_version,
                       claim, evidence_text(record, claim));
}

} // namespace weightseal
