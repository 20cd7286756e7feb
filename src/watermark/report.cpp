// The page of a detection. Names, paths and commands in it are anybody's: all of them go through `html`.

#include "weightseal/watermark/report.hpp"

#include "core/text.hpp"
#include "crypto/codec.hpp"
#include "watermark/claim.hpp"
#include "watermark/report_picture.hpp"
#include "watermark/report_style.hpp"
#include "watermark/report_text.hpp"
#include "watermark/report_words.hpp"
#include "weightseal/core/version.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>
#include <vector>

namespace weightseal {
namespace {

using namespace watermark::report;

/// Bytes of each of the two tables with a row for a tensor; what is beyond is counted.
constexpr std::size_t max_table = 800'000;

std::string_view compared(Statistic statistic) noexcept {
    switch (statistic) {
    case Statistic::blind_white: return "the suspect as it is";
    case Statistic::blind_sign: return "the suspect as it is, signs only";
    case Statistic::aligned_white: return "the suspect, aligned to the original";
    case Statistic::aligned_sign: return "the suspect, aligned to the original, signs only";
    case Statistic::informed_white: return "the aligned suspect minus the original";
    case Statistic::informed_sign: break;
    }
    return "the aligned suspect minus the original, signs only";
}

std::string_view reason_not_run(Statistic statistic) noexcept {
    return statistic <= Statistic::blind_sign ? "not run: no tensor to compare"
                                              : "not run: needs the unmarked original";
}

/// Of those that were run the one with the largest T.
std::optional<Statistic> strongest(const Correlations& correlations) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < statistic_count; ++i)
        if (correlations[i] && (!best || correlations[i]->t() > correlations[*best]->t())) best = i;
    return best ? std::optional(static_cast<Statistic>(*best)) : std::nullopt;
}

class Page {
  public:
    Page(const Detection& detection, const WatermarkRecord& record, const ReportContext& context)
        : detection_(detection), record_(record), context_(context), best_(strongest(detection.correlations)) {}

    std::string write() {
        add(words::head, verdict_name(detection_.verdict), html_name(context_.suspect), style);
        verdict();
        figures();
        add(words::meaning, html_bound(detection_.significance.log10_p),
            detection_.verdict == Verdict::detected ? words::shows : words::would_show,
            html_bound(detection_.significance.log10_p_2_64_keys));
        statistics();
        tensor_picture();
        claim();
        suspect();
        tensors();
        add(words::check, html(context_.command));
        digests();
        add(words::foot, version_string());
        return std::move(page_);
    }

  private:
    template <class... Values>
    void add(fmt::format_string<Values...> text, Values&&... values) {
        fmt::format_to(std::back_inserter(page_), text, std::forward<Values>(values)...);
    }

    void verdict() {
        const std::string suspect = html_name(context_.suspect);
        const std::string owner = html_name(record_.owner);
        const std::string model = html_name(record_.model_id);
        switch (detection_.verdict) {
        case Verdict::detected: return add(words::detected, suspect, owner, model);
        case Verdict::not_detected: return add(words::not_detected, suspect, owner, model);
        case Verdict::not_enough_evidence: return add(words::not_enough, suspect, owner, model);
        }
    }

    void figure(std::string_view name, std::string_view value, std::string_view attribute = {}) {
        add("<div{}><dt>{}</dt><dd>{}</dd></div>\n", attribute, name, value);
    }

    void figures() {
        const Significance& found = detection_.significance;
        const std::string p = html_bound(found.log10_p);
        const std::string p_of_tried = html_bound(found.log10_p_2_64_keys);
        const bool is_older = is_stamped_before_suspect(context_);
        add("<dl class=\"figures\">\n");
        figure(is_older ? words::fixed_key : words::tried_keys, is_older ? p : p_of_tried, " class=\"lead\"");
        figure(is_older ? words::tried_keys : words::fixed_key, is_older ? p_of_tried : p);
        figure("z", html_number(found.z, 3));
        figure("log<sub>10</sub> p", html_log10_bound(found.log10_p));
        figure("z of an unchanged copy, at least", html_number(detection_.expected_z, 2));
        add("</dl>\n{}", is_older ? words::older : words::not_older);
    }

    void statistics() {
        add(words::statistics_head);
        for (std::size_t i = 0; i < statistic_count; ++i) {
            const auto statistic = static_cast<Statistic>(i);
            add("<tr{}><th scope=\"row\"><code>{}</code><br><span>{}</span></th>",
                best_ == statistic ? " class=\"best\"" : "", statistic_name(statistic), compared(statistic));
            if (const auto& run = detection_.correlations[i])
                add("<td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>\n", html_number(run->s),
                    run->q, html_number(run->t(), 3));
            else
                add("<td colspan=\"3\" class=\"soft\">{}</td></tr>\n", reason_not_run(statistic));
        }
        add(words::statistics_foot);
    }

    void tensor_picture() {
        std::vector<double> values;
        for (const TensorDetection& tensor : detection_.tensors)
            if (const auto run = best_of(tensor)) values.push_back(run->t());
        if (!values.empty()) add(words::figure, picture(values), grouped(values.size()), statistic_name(*best_));
    }

    /// By the statistic that gave z.
    [[nodiscard]] std::optional<Correlation> best_of(const TensorDetection& tensor) const {
        return best_ ? tensor.correlations[static_cast<std::size_t>(*best_)] : std::nullopt;
    }

    void begin_facts(std::string_view heading) { add("<h2>{}</h2>\n<table class=\"facts\"><tbody>\n", heading); }
    void fact(std::string_view name, std::string_view value) {
        add("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name, value);
    }
    void end_facts() { add("</tbody></table>\n"); }

    void claim() {
        const auto marked = std::ranges::count_if(record_.tensors, [](const auto& t) { return t.mark.has_value(); });
        begin_facts("The claim");
        fact("Owner", html(record_.owner));
        fact("Model", html(record_.model_id));
        fact("Strength", fmt::format("{:g} % of the deviation of each row", 100 * record_.strength));
        fact("Marked", fmt::format("{} weights, finite and not zero, in {} of {} tensors",
                                   grouped(record_.marked_elements()), marked, record_.tensors.size()));
        fact("Root of the original", hex(record_.root));
        fact("SHA-256 of the claim", hex(watermark::claim_digest(record_)));
        fact("Signed by", signer());
        fact("Time-stamp", timestamp());
        end_facts();
    }

    [[nodiscard]] static std::string hex(Bytes bytes) {
        return fmt::format("<span class=\"hex\">{}</span>", crypto::to_hex(bytes));
    }

    [[nodiscard]] std::string signer() const {
        if (!record_.signer) return "nobody: the record does not show who made it";
        return fmt::format("<span class=\"hex\">{}</span><br>Whose key this is, the owner must show.",
                           format_public_key(*record_.signer));
    }

    [[nodiscard]] std::string timestamp() const {
        if (context_.timestamp)
            return fmt::format("{}, by {}, verified", utc_text(context_.timestamp->seconds),
                               html(context_.timestamp->authority));
        return record_.timestamp.empty() ? "none" : "the record has one, which was not verified for this report";
    }

    void suspect() {
        const auto missing = std::ranges::count(detection_.tensors, MatchedBy::nothing, &TensorDetection::matched_by);
        const auto all = static_cast<std::ptrdiff_t>(detection_.tensors.size());
        begin_facts("The suspect");
        fact("Suspect", html(context_.suspect));
        if (detection_.suspect_root) fact("Root, as of the original", hex(*detection_.suspect_root));
        fact("First seen", context_.suspect_seen ? utc_text(*context_.suspect_seen) + ", as stated" : "not stated");
        fact("Tensors", fmt::format("{} of {} marked ones found, {} missing; {} that the record does not know",
                                    all - missing, all, missing, detection_.extra_tensors));
        fact("Weights", fmt::format("{} compared; {} of them not finite, and left out",
                                    grouped(detection_.matched_elements), grouped(detection_.nonfinite)));
        fact("Symmetries undone", detection_.family == ModelFamily::none
                                      ? "none"
                                      : fmt::format("those of the family “{}”, by the unmarked original",
                                                    model_family_name(detection_.family)));
        end_facts();
    }

    // Ends a table with a row for each item, until it is full.
    template <class Row>
    void rows(std::size_t count, std::size_t columns, const Row& row) {
        const std::size_t begin = page_.size();
        std::size_t i = 0;
        for (; i < count && page_.size() - begin < max_table; ++i)
            row(i);
        if (i < count) add(words::more_rows, columns, grouped(count - i));
        add("</tbody></table>\n");
    }

    void tensors() {
        add(words::tensors_head);
        rows(detection_.tensors.size(), 5, [&](std::size_t i) { tensor_row(detection_.tensors[i]); });
        add("</div>\n");
    }

    void tensor_row(const TensorDetection& tensor) {
        add("<tr><th scope=\"row\">{}", html_name(tensor.name));
        if (!tensor.suspect_name.empty() && tensor.suspect_name != tensor.name)
            add("<br><span>in the suspect {}</span>", html_name(tensor.suspect_name));
        add("</th>");
        if (tensor.matched_by == MatchedBy::nothing) return add("<td colspan=\"4\" class=\"soft\">missing</td></tr>\n");
        const auto run = best_of(tensor);
        add("<td>{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>\n",
            matched_by_name(tensor.matched_by), grouped(tensor.elements), grouped(tensor.nonfinite),
            run ? html_number(run->t(), 2) : "");
    }

    void digests() {
        std::vector<const RecordTensor*> marked;
        for (const RecordTensor& tensor : record_.tensors)
            if (tensor.mark) marked.push_back(&tensor);
        add(words::digests_head);
        rows(marked.size(), 2, [&](std::size_t i) {
            const RecordTensor& tensor = *marked[i];
            add("<tr><th scope=\"row\">{}</th><td class=\"hex\">{}<br>{}<br>{}</td></tr>\n", html_name(tensor.name),
                crypto::to_hex(tensor.mark->commitment), crypto::to_hex(tensor.digest),
                crypto::to_hex(tensor.mark->digest));
        });
    }

    const Detection& detection_;
    const WatermarkRecord& record_;
    const ReportContext& context_;
    std::optional<Statistic> best_;
    std::string page_;
};

} // namespace

bool is_stamped_before_suspect(const ReportContext& context) noexcept {
    return context.timestamp && context.suspect_seen && context.timestamp->seconds < *context.suspect_seen;
}

std::string detection_report(const Detection& detection, const WatermarkRecord& record, const ReportContext& context) {
    return Page(detection, record, context).write();
}

} // namespace weightseal
