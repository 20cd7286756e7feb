// Measures the audit of a bucket policy of 20 KiB, the most that S3 takes: prints one JSON object.
// `bench_storage [TIMES]`; the median of 20 times unless told.

#include "weightseal/storage/audit.hpp"
#include "weightseal/storage/policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace {

using namespace weightseal::storage;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most = 20 * 1024;

// As many readers as fit.
Intent intent_of(std::size_t readers) {
    Intent intent;
    intent.bucket = "acme-weights";
    intent.prefix = "models/";
    intent.region = "eu-central-1";
    for (std::size_t i = 0; i < readers; ++i)
        intent.readers.push_back(
            {fmt::format("arn:aws:iam::111122223333:role/inference-{}", i), fmt::format("AROAEXAMPLEREADER{:03}", i)});
    intent.publishers = {{"arn:aws:iam::111122223333:role/publish", "AROAEXAMPLEPUBLISH01"}};
    intent.break_glass = {{"arn:aws:iam::111122223333:user/emergency", "AIDAEXAMPLEEMERGENCY"}};
    intent.administrators = {{"arn:aws:iam::111122223333:role/platform", "AROAEXAMPLEPLATFORM1"}};
    intent.vpc_endpoints = {"vpce-0123456789abcdef0"};
    return intent;
}

Json bundle_of(std::size_t readers) {
    return Json::parse(write_policy(intent_of(readers), PolicyFormat::bundle));
}

std::size_t size_of(const Json& bundle) {
    return bundle["documents"]["bucket_policy"].dump().size();
}

void measure(std::size_t readers, std::size_t times) {
    const Json bundle = bundle_of(readers);
    Json one = bundle; // the bucket policy alone
    one["documents"].erase("key_policy");
    const std::string text = one.dump();
    std::vector<double> milliseconds;
    Report report;
    for (std::size_t i = 0; i < times; ++i) {
        const auto start = Clock::now();
        report = audit(text);
        milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::ranges::sort(milliseconds);
    const Json answer{{"policy_bytes", size_of(bundle)},
                      {"readers", readers},
                      {"requests", report.cells[0] + report.cells[1] + report.cells[2]},
                      {"findings", report.findings.size()},
                      {"milliseconds", milliseconds[times / 2]}};
    std::puts(answer.dump().c_str());
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t times = argc > 1 ? std::max(1UL, std::strtoul(argv[1], nullptr, 10)) : 20;
    std::size_t readers = 1;
    while (readers < 100 && size_of(bundle_of(readers + 1)) <= most)
        ++readers;
    measure(1, times);
    measure(readers, times);
}
