// Measures the audit of a bucket policy: of one reader, and of as many as the 20 KiB hold that S3 takes. Prints one
// JSON object each. `bench_storage [TIMES]`; the median of 20 times unless told.

#include "support/storage.hpp"
#include "weightseal/core/error.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace {

using namespace weightseal::storage;
using weightseal::testing::Json;
using Clock = std::chrono::steady_clock;

// Names as long as those that deployments give, so that a bundle's most, 100 readers, nearly fill the policy.
Intent intent_of(std::size_t readers) {
    Intent intent = weightseal::testing::full_intent();
    while (intent.readers.size() < readers) {
        const std::size_t i = intent.readers.size();
        intent.readers.push_back(
            {fmt::format("arn:aws:iam::111122223333:role/inference/production/reader-of-the-weights-{:03}-{:020}", i,
                         i),
             fmt::format("AROAEXAMPLEREADER{:03}", i + 2)});
    }
    return intent;
}

void measure(const Json& bundle, std::size_t times) {
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
    const Json answer{{"policy_bytes", bundle["documents"]["bucket_policy"].dump().size()},
                      {"readers", bundle["intent"]["readers"].size()},
                      {"requests", report.cells[0] + report.cells[1] + report.cells[2]},
                      {"milliseconds", milliseconds[times / 2]}};
    std::puts(answer.dump().c_str());
}

// The most readers that `write_policy` and the reader of bundles take.
Json largest() {
    Json bundle;
    for (std::size_t readers = 1; readers <= 100; ++readers) {
        try {
            bundle = weightseal::testing::bundle_of(intent_of(readers));
        } catch (const weightseal::Error&) {
            break; // the policy is over 20 KiB
        }
    }
    return bundle;
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t times = argc > 1 ? std::max(1UL, std::strtoul(argv[1], nullptr, 10)) : 20;
    measure(weightseal::testing::bundle_of(intent_of(1)), times);
    measure(largest(), times);
}
