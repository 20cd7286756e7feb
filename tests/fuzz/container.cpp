// Hostile containers: a valid one with patches, by somebody without the key (checksums right, MACs wrong) or
// with it (everything authenticated anew), or any bytes at all. What opens lists, reads and verifies without
// a fault; what an outsider changed never passes as authentic.

#include "base.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace weightseal;
using namespace weightseal::testing;

namespace {

struct Base {
    Parts parts;
    Data file;
};

Base make_base(Suite suite) {
    container::EntryDraft config{.name = "config.json", .length = 2};
    container::EntryDraft big{.kind = container::EntryKind::tensor,
                              .dtype = Dtype::bf16,
                              .shape = {300, 160},
                              .name = "w",
                              .offset = 4096,
                              .length = 96'000};
    container::EntryDraft tied = big;
    tied.kind = container::EntryKind::alias;
    tied.name = "tied";
    tied.link = 1;
    const std::vector<container::EntryDraft> entries{config, big, tied};
    Base base{empty_parts(suite, 16, align_up(4096 + 96'000, 64)), {}};
    std::size_t tags = 0;
    base.parts.index = container::encode_index(entries, true, 16, tags);
    require(fill_body(base.parts), "the base is valid");
    base.file = put_together(base.parts);
    return base;
}

void patch(FuzzedDataProvider& input, MutableBytes target) {
    if (target.empty()) return;
    const auto at = input.ConsumeIntegralInRange<std::size_t>(0, target.size() - 1);
    const auto bytes = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(1, 8));
    for (std::size_t i = 0; i < bytes.size() && at + i < target.size(); ++i)
        target[at + i] ^= static_cast<std::byte>(bytes[i]);
}

// Everything a user may do with an open container. True when all of it worked.
bool use(const Data& file, bool is_authentic) {
    bool complete = true;
    const auto attempt = [&](const auto& call) {
        try {
            call();
        } catch (const Error&) {
            complete = false;
        }
    };
    ReadOptions options;
    options.parallel.threads = 1;
    attempt([&] { (void)inspect(*memory_source(file)); });
    attempt([&] {
        const SealedModel model = SealedModel::open(memory_source(file), fuzz_key());
        for (std::size_t i = 0; i < model.tensor_count(); ++i) {
            attempt([&] {
                const AlignedBuffer data = model.read({i, {}}, options);
                if (!is_authentic)
                    for (std::size_t at = 0; at < data.size(); ++at)
                        require(data.data()[at] == plain_byte(1, at), "altered plaintext came out");
            });
            const TensorInfo info = model.tensor(i);
            require(model.find_tensor(info.name) == i, "a tensor is not found by its name");
            if (!info.shape.empty() && info.shape[0] > 1)
                attempt([&] { (void)model.read({i, {{1, info.shape[0]}}}, options); });
            (void)model.alias_of(i);
            (void)model.plan({{i, {}}});
        }
        for (std::size_t i = 0; i < model.file_count(); ++i)
            attempt([&] { (void)model.read_file(i, options); });
        attempt([&] { (void)model.load(options); });
        model.verify(options);
        if (model.damaged_slot_block()) complete = false;
    });
    return complete;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::array<Base, 2> bases{make_base(Suite::aes_256_gcm), make_base(Suite::chacha20_poly1305)};
    FuzzedDataProvider input(data, size);
    const auto how = input.ConsumeIntegral<std::uint8_t>();
    const Base& base = bases[how & 1U];
    if ((how & 0x0EU) == 0) { // any bytes, after the magic
        Data file(base.file.begin(), base.file.begin() + 8);
        for (const std::uint8_t b : input.ConsumeRemainingBytes<std::uint8_t>())
            file.push_back(std::byte{b});
        (void)use(file, false);
        return 0;
    }
    if ((how & 2U) != 0) { // a holder of the key
        Parts parts = base.parts;
        while (input.remaining_bytes() > 2) {
            switch (input.ConsumeIntegralInRange(0, 4)) {
            case 0: patch(input, parts.prelude); break;
            case 1: patch(input, parts.blocks[0]); break;
            case 2: patch(input, parts.blocks[1]); break;
            case 3: patch(input, parts.index); break;
            default: patch(input, parts.body); break;
            }
        }
        if ((how & 4U) != 0) (void)fill_body(parts);
        (void)use(put_together(std::move(parts)), true);
        return 0;
    }
    Data file = base.file; // an outsider
    while (input.remaining_bytes() > 2) {
        switch (input.ConsumeIntegralInRange(0, 3)) {
        case 0: patch(input, MutableBytes(file).first(std::min<std::size_t>(file.size(), 12'288))); break;
        case 1: patch(input, file); break;
        case 2: file.resize(input.ConsumeIntegralInRange<std::size_t>(0, base.file.size() + 64)); break;
        default: { // two places exchanged
            if (file.size() < 64) break;
            const auto a = input.ConsumeIntegralInRange<std::size_t>(0, file.size() - 32);
            const auto b = input.ConsumeIntegralInRange<std::size_t>(0, file.size() - 32);
            std::array<std::byte, 32> bytes;
            std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(a), 32, bytes.begin());
            std::copy_n(bytes.begin(), 32, file.begin() + static_cast<std::ptrdiff_t>(b));
        }
        }
    }
    if ((how & 8U) != 0 && file.size() >= 20'480) {
        put_checksum(MutableBytes(file).first(4096));
        put_checksum(MutableBytes(file).subspan(4096, 8192));
        put_checksum(MutableBytes(file).subspan(12'288, 8192));
    }
    require(!use(file, false) || file == base.file, "an altered file passes as authentic");
    return 0;
}
