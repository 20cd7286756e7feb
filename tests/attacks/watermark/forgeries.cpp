// Forgeries: claims to a model that the claimant never marked. Each must find nothing, or be refused by name.

#include "crypto/hash.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"
#include "support/watermark.hpp"
#include "watermark/identity.hpp"

#include <cmath>

namespace weightseal::testing {
namespace {

const std::vector<std::uint64_t> shape{500, 400};

// The model that everybody can download.
const std::vector<TensorData>& public_base() {
    static const std::vector<TensorData> made{normal_tensor("w", "F32", shape, 1, 0.02)};
    return made;
}

const Key& forger() {
    static const Key key = watermark_key(666);
    return key;
}

/// The chips of the forger's key under this record.
std::vector<int> chips_under(const WatermarkRecord& record) {
    return chips_of(forger(), mark_identity(record), "w", shape, 200'000);
}

/// The base with `amount` times these chips added.
std::vector<TensorData> shifted(const std::vector<TensorData>& base, const WatermarkRecord& record, double amount) {
    std::vector<TensorData> result = base;
    const std::vector<int> chips = chips_under(record);
    for (std::size_t i = 0; i < chips.size(); ++i) {
        const float before = load_le<float>(result[0].data, 4 * i);
        store_le(result[0].data, 4 * i, before + static_cast<float>(amount * chips[i]));
    }
    return result;
}

/// A record of these tensors whose root is another, with commitments that go with it.
WatermarkRecord record_with_root(const std::vector<TensorData>& tensors, const Digest& root) {
    WatermarkRecord record = record_of(tensors, forger());
    record.root = root;
    commit_to(record, forger());
    return record;
}

Detection look(const std::vector<TensorData>& suspect, const WatermarkRecord& record,
               const std::vector<TensorData>& original) {
    const MemoryModel original_model = model_of(original);
    DetectOptions options;
    options.original = &original_model;
    options.family = ModelFamily::none;
    options.parallel.threads = 1;
    return detect(model_of(suspect), forger(), record, options);
}

std::string refused(const std::vector<TensorData>& suspect, const WatermarkRecord& record,
                    const std::vector<TensorData>& original) {
    return refusal([&] { (void)look(suspect, record, original); });
}

void check_nothing_found(const Detection& found) {
    CHECK(found.verdict != Verdict::detected);
    CHECK(found.significance.z < 5);
}

} // namespace

TEST_CASE("an original invented from a public model: the public model minus a mark") {
    // The difference is the forger's chips and nothing else: were the root not in them, this would be a proof.
    const WatermarkRecord wished = record_of(public_base(), forger());
    for (const double amount : {0.0001, 0.0004, 0.02, 10.0}) {
        const std::vector<TensorData> invented = shifted(public_base(), wished, -amount);
        CAPTURE(amount);
        CHECK(refused(public_base(), wished, invented) == "original_mismatch");
        check_nothing_found(detection(public_base(), forger(), wished));
        // An honest record of the invented original has other chips.
        check_nothing_found(look(public_base(), record_of(invented, forger()), invented));
    }
}

TEST_CASE("a record that lists other digests than the invented original has") {
    WatermarkRecord record = record_of(public_base(), forger());
    for (int attempt = 0; attempt < 20; ++attempt) {
        record.tensors[0].digest = crypto::sha256({Bytes(record.tensors[0].digest)});
        record.root = original_root(record.tensors); // the record agrees with itself
        commit_to(record, forger());
        const std::vector<TensorData> invented = shifted(public_base(), record, -0.0004);
        CHECK(refused(public_base(), record, invented) == "original_mismatch");
        check_nothing_found(detection(public_base(), forger(), record));
    }
}

TEST_CASE("an original whose every sign serves the chips of a wrong root") {
    const WatermarkRecord wished = record_of(public_base(), forger());
    std::vector<TensorData> tuned = public_base();
    const std::vector<int> chips = chips_under(wished);
    for (std::size_t i = 0; i < chips.size(); ++i) // base − tuned is ±1 with the sign of the chip: T = √N
        store_le(tuned[0].data, 4 * i, load_le<float>(public_base()[0].data, 4 * i) - static_cast<float>(chips[i]));
    CHECK(refused(public_base(), wished, tuned) == "original_mismatch");
    check_nothing_found(look(public_base(), record_of(tuned, forger()), tuned));
}

TEST_CASE("a suspect whose every sign serves the chips of a wrong root") {
    // Under this root the suspect is a perfect match, and the record that says so has no such original.
    const WatermarkRecord wished = record_with_root(public_base(), Digest{std::byte{1}});
    std::vector<TensorData> tuned = public_base();
    const std::vector<int> chips = chips_under(wished);
    for (std::size_t i = 0; i < chips.size(); ++i)
        store_le(tuned[0].data, 4 * i,
                 std::copysign(load_le<float>(tuned[0].data, 4 * i), static_cast<float>(chips[i])));
    CHECK(detection(tuned, forger(), wished).significance.z > 300);
    CHECK(refused(tuned, wished, public_base()) == "original_mismatch");
    check_nothing_found(look(tuned, record_of(public_base(), forger()), public_base()));
}

TEST_CASE("of many tensors, those that happen to fit, and sketches that lead to them") {
    std::vector<TensorData> model;
    for (std::uint64_t i = 0; i < 400; ++i)
        model.push_back(normal_tensor("t" + std::to_string(i), "F32", {64, 64}, 1000 + i));
    const WatermarkRecord honest = record_of(model, forger());
    const Detection looked = detection(model, forger(), honest);
    check_nothing_found(looked);
    WatermarkRecord chosen = honest;
    std::size_t t = 0;
    double sum = 0, squares = 0;
    for (RecordTensor& tensor : chosen.tensors) {
        REQUIRE(looked.tensors[t].name == tensor.name);
        const Correlation& fit = *looked.tensors[t++].correlations[static_cast<std::size_t>(Statistic::blind_white)];
        if (fit.s <= 0) {
            tensor.mark.reset();
            continue;
        }
        sum += static_cast<double>(fit.s);
        squares += static_cast<double>(fit.q);
    }
    CHECK(sum / std::sqrt(squares) > 10); // what the choice would be worth, had it no part in the chips
    CHECK(refusal([&] { (void)detection(model, forger(), chosen); }) == "key_mismatch");
    commit_to(chosen, forger());
    check_nothing_found(detection(model, forger(), chosen));

    WatermarkRecord led = honest;
    std::swap(led.tensors[0].mark->sketch, led.tensors[1].mark->sketch);
    CHECK(refusal([&] { (void)detection(model, forger(), led); }) == "key_mismatch");
    WatermarkRecord tied = honest;
    tied.tensors[1].mark.reset();
    tied.tensors[1].tied_to = tied.tensors[0].name;
    CHECK(refusal([&] { (void)detection(model, forger(), tied); }) == "key_mismatch");
}

TEST_CASE("the best of many keys is far from a detection") {
    const std::vector<TensorData> small{normal_tensor("w", "F32", {64, 64}, 1)};
    WatermarkRecord record = record_of(small, forger());
    double best = 0;
#ifdef WEIGHTSEAL_SANITIZED
    constexpr std::uint64_t tries = 200;
#else
    constexpr std::uint64_t tries = 4000;
#endif
    for (std::uint64_t i = 0; i < tries; ++i) {
        const Key key = watermark_key(50'000 + i);
        commit_to(record, key);
        const Detection found = detection(small, key, record);
        best = std::max(best, found.significance.z);
        CHECK(found.significance.log10_p_2_64_keys == 0); // what a claimant without a time-stamp may say of it
    }
    CHECK(best < 5);
}

TEST_CASE("of two marks in one model, the first is in the second's original, not the other way round") {
    const Key owner = watermark_key(1);
    const Marked first = marked(public_base(), owner, mark_options(max_strength));
    const Marked second = marked(first.tensors, forger(), mark_options(max_strength));
    const WatermarkRecord& owners = first.report.record;
    const WatermarkRecord& forgers = second.report.record;
    CHECK(detection(second.tensors, owner, owners).verdict == Verdict::detected);
    CHECK(detection(second.tensors, forger(), forgers).verdict == Verdict::detected);
    CHECK(detection(first.tensors, owner, owners).verdict == Verdict::detected); // the forger's "original"
    check_nothing_found(detection(first.tensors, forger(), forgers));
    check_nothing_found(detection(public_base(), forger(), forgers)); // the owner's
}

} // namespace weightseal::testing
