// The report of a detection.

#include "weightseal/watermark/report.hpp"
#include "core/text.hpp"
#include "crypto/codec.hpp"
#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"
#include "watermark/report_picture.hpp"
#include "watermark/report_text.hpp"

#include <cmath>
#include <fmt/format.h>
#include <regex>
#include <set>

namespace weightseal::testing {
namespace {

using namespace watermark::report;

std::size_t index(Statistic statistic) {
    return static_cast<std::size_t>(statistic);
}

// Of `sample_record`: one tensor found, one missing.
Detection sample_detection() {
    Detection detection;
    detection.verdict = Verdict::detected;
    TensorDetection found;
    found.name = "embed.weight";
    found.suspect_name = "embed.weight";
    found.matched_by = MatchedBy::name;
    found.elements = 6400;
    found.nonfinite = 3;
    found.correlations[index(Statistic::blind_white)] = Correlation{123456, 100000000};
    found.correlations[index(Statistic::blind_sign)] = Correlation{-777, 6397};
    detection.correlations = found.correlations;
    detection.significance = significance(detection.correlations);
    detection.expected_z = 9.5;
    detection.matched_elements = 6400;
    detection.nonfinite = 3;
    detection.extra_tensors = 17;
    detection.tensors = {found, {.name = "layer.weight"}};
    return detection;
}

ReportContext sample_context() {
    return {.suspect = "suspect.safetensors", .command = "weightseal detect suspect.safetensors --key file:k"};
}

std::string page(const Detection& detection = sample_detection(), const ReportContext& context = sample_context()) {
    return detection_report(detection, sample_record(), context);
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// The text a reader sees, blanks between words being one.
std::string text_of(const std::string& html) {
    const std::string without_style = std::regex_replace(html, std::regex("<style>[^]*</style>"), "");
    return std::regex_replace(std::regex_replace(without_style, std::regex("<[^>]*>"), ""), std::regex("\\s+"), " ");
}

// Complains of every tag and attribute that the page does not consist of.
void check_markup(const std::string& html) {
    static const std::set<std::string> tags{
        "!DOCTYPE", "html",       "head", "meta",  "title", "style", "body", "main",     "p",     "h1",
        "h2",       "strong",     "dl",   "div",   "dt",    "dd",    "sup",  "sub",      "ul",    "ol",
        "li",       "pre",        "code", "table", "thead", "tbody", "tr",   "th",       "td",    "figure",
        "svg",      "figcaption", "span", "br",    "line",  "text",  "rect", "polyline", "footer"};
    static const std::set<std::string> attributes{
        "lang", "charset", "name", "content", "class", "scope", "colspan", "viewBox", "role",  "aria-label",
        "x1",   "y1",      "x2",   "y2",      "x",     "y",     "width",   "height",  "points"};
    const std::regex tag("<(/?)([!A-Za-z0-9]*)((?: [a-zA-Z0-9-]+=\"[^\"<>]*\"| html)*)/?>");
    const std::regex attribute(" ([a-zA-Z0-9-]+)=\"[^\"]*\""); // with its value, in which no attribute begins
    std::size_t found = 0;
    for (auto it = std::sregex_iterator(html.begin(), html.end(), tag); it != std::sregex_iterator(); ++it, ++found) {
        if (!tags.contains((*it)[2])) FAIL("tag " << (*it)[0]);
        const std::string inside = (*it)[3];
        for (auto at = std::sregex_iterator(inside.begin(), inside.end(), attribute); at != std::sregex_iterator();
             ++at)
            if (!attributes.contains((*at)[1])) FAIL("attribute " << (*at)[0]);
    }
    CHECK(found == static_cast<std::size_t>(std::ranges::count(html, '<')));
    std::string_view rest = html;
    while (!rest.empty()) {
        const std::size_t size = first_code_point(rest).size;
        if (size == 0) FAIL("not UTF-8");
        rest.remove_prefix(size);
    }
}

constexpr std::string_view nasty = "<script>alert(1)</script>\"'&amp; onload=x";

} // namespace

TEST_CASE("report: one page that loads and runs nothing") {
    const std::string html = page();
    check_markup(html);
    CHECK(html.starts_with("<!DOCTYPE html>"));
    CHECK(html.ends_with("</html>\n"));
    for (const char* const what :
         {"http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<img", "<iframe"})
        CHECK_FALSE(holds(html, what));
    for (const char* const what :
         {"prefers-color-scheme: dark", "@media print", "name=\"viewport\"", "@media (max-width"})
        CHECK(holds(html, what));
    CHECK(page() == html);
}

TEST_CASE("report: the verdict in one sentence") {
    Detection detection = sample_detection();
    CHECK(holds(text_of(page(detection)),
                "Detected: the weights of suspect.safetensors carry the signal of the key to which "
                "the record of ACME Corp. for “tiny-1” commits."));
    detection.verdict = Verdict::not_detected;
    CHECK(holds(text_of(page(detection)),
                "Not detected: suspect.safetensors has enough weights to tell, and the signal"));
    CHECK(holds(text_of(page(detection)), "was not found in them."));
    detection.verdict = Verdict::not_enough_evidence;
    CHECK(holds(text_of(page(detection)), "Not enough evidence: too few weights of suspect.safetensors match"));
}

TEST_CASE("report: what may be said, and every caveat, whatever the verdict") {
    for (const Verdict verdict : {Verdict::detected, Verdict::not_detected, Verdict::not_enough_evidence}) {
        Detection detection = sample_detection();
        detection.verdict = verdict;
        detection.significance = {6.0, -7.04, 0};
        const std::string text = text_of(page(detection));
        for (const char* const sentence :
             {"If the key had been chosen at random, without knowledge of this suspect or influence on it, a result at "
              "least this strong would occur with probability at most 9.2 × 10−8, after correction for the 6 "
              "registered tests. This is not the probability that the suspect is innocent.",
              "It assumes that the key was secret, that the record was fixed before the suspect, and that AES-256 and "
              "SHA-256 are sound. Other suspects or keys tried multiply p by their number. “Not detected” does not "
              "prove independence.",
              "This is a picture, not evidence"}) {
            CAPTURE(sentence);
            CHECK(holds(text, sentence));
        }
        // Only a detection shows anything.
        CHECK(holds(text, "It shows that the weights carry the signal of this key; it does not show who copied them, "
                          "how, or who owns the base model.") == (verdict == Verdict::detected));
        CHECK(holds(text, "A detection would show that the weights carry the signal of this key; it would not show who "
                          "copied them, how, or who owns the base model.") == (verdict != Verdict::detected));
    }
}

TEST_CASE("report: it leads with the p of tried keys unless a time-stamp is older than the suspect") {
    const auto leads_with_plain = [](const ReportContext& context) {
        const std::string html = page(sample_detection(), context);
        const std::size_t plain = html.find("for a key that was fixed before the suspect");
        const std::size_t tried = html.find("for a claimant who could have tried");
        REQUIRE(plain != std::string::npos);
        REQUIRE(tried != std::string::npos);
        CHECK(holds(html, "No verified time-stamp shows") == (tried < plain));
        CHECK(holds(html, "A verified time-stamp shows") == (plain < tried));
        CHECK(is_stamped_before_suspect(context) == (plain < tried));
        return plain < tried;
    };
    ReportContext context = sample_context();
    CHECK_FALSE(leads_with_plain(context));
    context.timestamp = TimeStamp{1000, "CN = Authority"};
    CHECK_FALSE(leads_with_plain(context)); // older than what?
    context.suspect_seen = 1001;
    CHECK(leads_with_plain(context));
    context.suspect_seen = 1000;
    CHECK_FALSE(leads_with_plain(context));
    context.suspect_seen = 999;
    CHECK_FALSE(leads_with_plain(context));
    context.suspect_seen = 1001;
    context.timestamp.reset();
    CHECK_FALSE(leads_with_plain(context));
}

TEST_CASE("report: all six statistics, run or not, and why not") {
    Detection detection = sample_detection();
    std::string text = text_of(page(detection));
    CHECK(holds(text, "blind_whitethe suspect as it is12345610000000012.346"));
    CHECK(holds(text, "blind_signthe suspect as it is, signs only−7776397−9.715"));
    for (const Statistic statistic :
         {Statistic::aligned_white, Statistic::aligned_sign, Statistic::informed_white, Statistic::informed_sign})
        CHECK(holds(text, statistic_name(statistic)));
    CHECK(holds(text, "not run: needs the unmarked original"));
    CHECK_FALSE(holds(text, "not run: no tensor"));

    detection.correlations[index(Statistic::informed_white)] = Correlation{500000, 100000000};
    detection.tensors[0].correlations = detection.correlations;
    detection.significance = significance(detection.correlations);
    text = text_of(page(detection));
    CHECK(holds(text, "informed_whitethe aligned suspect minus the original50000010000000050.000"));
    CHECK(holds(text, "T of the tensors found, 1 in all, by informed_white"));
    CHECK(holds(text, "3.0 × 10−39"));
}

TEST_CASE("report: nothing was compared") {
    Detection detection;
    detection.verdict = Verdict::not_enough_evidence;
    detection.tensors = {{.name = "embed.weight"}, {.name = "layer.weight"}};
    const std::string html = page(detection);
    check_markup(html);
    CHECK(holds(html, "not run: no tensor to compare"));
    CHECK(holds(html, "0 of 2 marked ones found, 2 missing"));
    CHECK_FALSE(holds(html, "<svg"));
}

TEST_CASE("report: what was claimed, found, missing and left out") {
    WatermarkRecord record = signed_record();
    record.timestamp = {std::byte{1}};
    const std::string html = detection_report(sample_detection(), record, sample_context());
    const std::string text = text_of(html);
    CHECK(holds(text, "OwnerACME Corp."));
    CHECK(holds(text, "Modeltiny-1"));
    CHECK(holds(text, "Strength0.25 %"));
    CHECK(holds(text, "Marked14,400 weights, finite and not zero, in 2 of 5 tensors"));
    CHECK(holds(text, crypto::to_hex(record.root)));
    CHECK(holds(text, crypto::to_hex(crypto::sha256({as_bytes(claim_text(record))}))));
    CHECK(holds(text, format_public_key(*record.signer)));
    CHECK(holds(text, "which was not verified"));
    CHECK(holds(text, "1 of 2 marked ones found, 1 missing; 17 that the record does not know"));
    CHECK(holds(text, "6,400 compared; 3 of them not finite"));
    CHECK(holds(text, "Symmetries undonenone"));
    CHECK(holds(text, "embed.weightname6,400312.35"));
    CHECK(holds(text, "layer.weightmissing"));
    CHECK(holds(html, "<pre>weightseal detect suspect.safetensors --key file:k</pre>"));
    CHECK(holds(text, "WATERMARK.md"));
    CHECK_FALSE(holds(text, "as of the original"));
    Detection identified = sample_detection();
    identified.suspect_root = record.tensors[0].digest;
    CHECK(holds(text_of(page(identified)), "Root, as of the original" + crypto::to_hex(record.tensors[0].digest)));
    for (const std::size_t i : {0U, 2U}) {
        CHECK(holds(text, crypto::to_hex(record.tensors[i].mark->commitment)));
        CHECK(holds(text, crypto::to_hex(record.tensors[i].mark->digest)));
        CHECK(holds(text, crypto::to_hex(record.tensors[i].digest)));
    }

    ReportContext context = sample_context();
    context.timestamp = TimeStamp{1577836800, "CN = Authority"};
    context.suspect_seen = 1609459200;
    Detection detection = sample_detection();
    detection.family = ModelFamily::rmsnorm;
    detection.tensors[0].suspect_name = "bert.embed.weight";
    detection.tensors[0].matched_by = MatchedBy::name_part;
    const std::string other = text_of(detection_report(detection, record, context));
    CHECK(holds(other, "2020-01-01T00:00:00Z, by CN = Authority, verified"));
    CHECK(holds(other, "First seen2021-01-01T00:00:00Z, as stated"));
    CHECK(holds(other, "family “rmsnorm”"));
    CHECK(holds(other, "embed.weightin the suspect bert.embed.weightname part"));
    CHECK(holds(text_of(page()), "Signed bynobody"));
    CHECK(holds(text_of(page()), "Time-stampnone"));
}

TEST_CASE("report: names that are markup, not UTF-8 or turn text around") {
    const std::string hostile = std::string(nasty) + "\x1b[31m\xE2\x80\xAE\xFF\xC2\x85\n\xF3\xA0\x81\x81";
    WatermarkRecord record = sample_record();
    record.owner = record.model_id = std::string(nasty) + "\xE2\x80\xAE";
    record.tensors[0].name = nasty;
    Detection detection = sample_detection();
    detection.tensors[0].name = hostile;
    detection.tensors[0].suspect_name = hostile + "2";
    detection.tensors[1].name = hostile;
    ReportContext context{.suspect = hostile, .command = hostile, .timestamp = TimeStamp{0, hostile}};
    const std::string html = detection_report(detection, record, context);
    check_markup(html);
    CHECK_FALSE(holds(html, "<script"));
    CHECK(holds(html, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp; onload=x"));
    for (const char* const raw : {"\x1b", "\xE2\x80\xAE", "\xC2\x85", "\xF3\xA0\x81\x81"})
        CHECK_FALSE(holds(html, raw));
    CHECK(holds(html, "\xEF\xBF\xBD")); // stands for them
}

TEST_CASE("report: of a hundred thousand tensors with long names it stays small, and says what it leaves out") {
#ifdef WEIGHTSEAL_SANITIZED
    const std::size_t count = 10'000;
#else
    const std::size_t count = 100'000;
#endif
    WatermarkRecord record = sample_record();
    Detection detection = sample_detection();
    const TensorDetection found = detection.tensors[0];
    const RecordTensor marked = record.tensors[0];
    record.tensors.clear();
    detection.tensors.clear();
    for (std::size_t i = 0; i < count; ++i) {
        record.tensors.push_back(marked);
        record.tensors.back().name = fmt::format("{:06}{}", i, std::string(200, '"'));
        detection.tensors.push_back(found);
        detection.tensors.back().name = record.tensors.back().name;
        detection.tensors.back().suspect_name = "x" + record.tensors.back().name;
    }
    const std::string html = detection_report(detection, record, sample_context());
    CHECK(html.size() < 2'000'000);
    CHECK(holds(html, "000000&quot;"));
    CHECK(std::regex_search(text_of(html.substr(html.size() / 3)), std::regex("… and [0-9]+,[0-9]+ more: the record")));
}

TEST_CASE("report: bounds are rounded up, never down") {
    CHECK(html_bound(0) == "1");
    CHECK(html_bound(0.5) == "1");
    CHECK(html_bound(-1e-15) == "1");
    CHECK(html_bound(-0.5) == "0.32");
    CHECK(html_bound(-1) == "0.10");
    CHECK(html_bound(-1.0001) == "0.10");
    CHECK(html_bound(-3) == "0.0010");
    CHECK(html_bound(-4) == "1.0 × 10<sup>−4</sup>");
    CHECK(html_bound(-4.0001) == "1.0 × 10<sup>−4</sup>");
    CHECK(html_bound(-9) == "1.0 × 10<sup>−9</sup>");
    CHECK(html_bound(smallest_log10_p) == "3.0 × 10<sup>−39</sup>");
    for (double log10_p = -38.5; log10_p < -3.1; log10_p += 0.0137) {
        const std::string text = html_bound(log10_p);
        const double shown = std::log10(std::stod(text)) - std::stod(text.substr(text.find("−") + 3));
        CAPTURE(log10_p, text);
        REQUIRE(shown >= log10_p - 1e-9);
        REQUIRE(shown < log10_p + 0.05);
    }
    CHECK(html_log10_bound(0) == "0.00");
    CHECK(html_log10_bound(-7.038) == "−7.03");
    CHECK(html_log10_bound(-9) == "−9.00");
    CHECK(html_log10_bound(smallest_log10_p) == "−38.53");
}

TEST_CASE("report: numbers and long names") {
    CHECK(html_number(-1.5, 2) == "−1.50");
    CHECK(html_number(-0.0001, 2) == "0.00");
    CHECK(html_number(INT64_MIN) == "−9223372036854775808");
    CHECK(grouped(0) == "0");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(html_name("short") == "short");
    const std::string name = "begin" + std::string(65000, 'x') + "end";
    CHECK(html_name(name).size() < 150);
    CHECK(html_name(name).starts_with("beginx"));
    CHECK(html_name(name).ends_with("xend"));
    std::string wide; // no character is cut in two
    for (int i = 0; i < 500; ++i)
        wide += "\xE6\xA8\xA1";
    for (std::size_t shift = 0; shift < 3; ++shift)
        CHECK_FALSE(holds(html_name(std::string(shift, 'a') + wide), "\xEF\xBF\xBD"));
}

TEST_CASE("report: the picture counts every tensor once") {
    const auto bars = [](const std::string& svg) {
        const std::regex bar("class=\"bar\"");
        return std::distance(std::sregex_iterator(svg.begin(), svg.end(), bar), std::sregex_iterator());
    };
    CHECK(bars(picture({0.05})) == 1);
    CHECK(bars(picture({-3.9, 0.05, 3.9})) == 3);
    CHECK(bars(picture({0.05, 0.05, 0.05})) == 1);
    CHECK(bars(picture({-4, 4})) == 2); // the ends
    CHECK(bars(picture({-1e6, 0, 1e6})) == 3);
    for (const std::vector<double>& values : {std::vector<double>{0}, {-1e7, 1e7}, {4.0, 4.0}, {-5.0}})
        for (const char* const bad : {"nan", "inf", "e+"})
            CHECK_FALSE(holds(std::regex_replace(picture(values), std::regex("class=\"tick\"[^\n]*"), ""), bad));
}

} // namespace weightseal::testing
