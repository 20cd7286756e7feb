// Measures the container. `bench_container JOB ARGUMENTS…` does one job and prints what it took as one JSON
// object; `bench_container serve JOB ARGUMENTS…` does it once for each line `run` on standard input and
// answers with its seconds, or for `check` with the 64-bit sum of all loaded bytes. What a job makes is freed
// after the clock stops.

#include "crypto/aead.hpp"
#include "weightseal/weightseal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace weightseal;
using Arguments = std::vector<std::string>;

/// What is measured: `run` is timed, `finish` is not. `payload` is known after a run.
struct Job {
    std::function<void()> run;
    std::function<void()> finish = [] {};
    std::function<std::uint64_t()> check = [] { return std::uint64_t{0}; };
    std::uint64_t payload = 0; ///< bytes of memory the job has to fill for its caller
};

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The sum of all bytes as 64-bit words; the tail of a buffer is counted as if zeros followed.
std::uint64_t sum_of(Bytes bytes) {
    std::uint64_t sum = 0;
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        sum += load_le<std::uint64_t>(bytes, at);
    }
    std::byte tail[8] = {};
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), tail);
    return sum + load_le<std::uint64_t>(tail, 0);
}

Key read_key(const std::string& path) {
    return key_from_source("file:" + path);
}

Suite suite_of(const std::string& name) {
    for (Suite suite : {Suite::aes_256_gcm, Suite::chacha20_poly1305}) {
        if (suite_name(suite) == name) {
            return suite;
        }
    }
    throw std::invalid_argument("no suite " + name);
}

/// A file descriptor of the benchmark's own, so that the plain read owes nothing to the library's I/O.
class File {
  public:
    explicit File(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (descriptor_ < 0) {
            throw std::runtime_error("cannot open " + path);
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::close(descriptor_); }

    void read(std::uint64_t offset, MutableBytes to) const {
        while (!to.empty()) {
            const ::ssize_t got = ::pread(descriptor_, to.data(), to.size(), static_cast<::off_t>(offset));
            if (got <= 0) {
                throw std::runtime_error("short read");
            }
            offset += static_cast<std::uint64_t>(got);
            to = to.subspan(static_cast<std::size_t>(got));
        }
    }

  private:
    int descriptor_;
};

/// Calls `body(begin, size)` for every block of [0, total), spread over all processors this process may use.
void for_blocks(std::uint64_t total, std::uint64_t block,
                const std::function<void(std::uint64_t, std::uint64_t)>& body) {
    const std::uint64_t count = (total + block - 1) / block;
    std::atomic<std::uint64_t> next{0};
    run_workers({}, static_cast<std::size_t>(count), [&](std::size_t) {
        for (std::uint64_t i = next++; i < count; i = next++) {
            body(i * block, std::min(block, total - i * block));
        }
    });
}

constexpr std::uint64_t read_block = std::uint64_t{1} << 20;

/// The yardstick: all tensor data of a safetensors file into one fresh huge-page buffer by parallel pread.
Job plain_read(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    std::vector<std::byte> head;
    const std::uint64_t begin = read_safetensors_header(*file_source(path), head).data_begin;
    const std::uint64_t size = std::filesystem::file_size(path) - begin;
    auto buffer = std::make_shared<AlignedBuffer>();
    return {.run =
                [=] {
                    *buffer = AlignedBuffer(size, {});
                    const File file(path);
                    for_blocks(size, read_block, [&](std::uint64_t at, std::uint64_t length) {
                        file.read(begin + at, buffer->bytes().subspan(at, length));
                    });
                },
            .finish = [=] { *buffer = AlignedBuffer(); },
            .check = [=] { return sum_of(buffer->bytes()); },
            .payload = size};
}

/// Open and decrypt every tensor into one arena.
Job load(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    const auto key = std::make_shared<Key>(read_key(arguments.at(1)));
    const auto arena = std::make_shared<Arena>();
    const auto sum = [=] {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < arena->offsets.size(); ++i) {
            total += sum_of(arena->buffer.bytes().subspan(arena->offsets[i], arena->sizes[i]));
        }
        return total;
    };
    const SealedModel model = SealedModel::open(path, *key);
    std::uint64_t payload = model.facts().index_size;
    for (std::size_t i = 0; i < model.tensor_count(); ++i) {
        payload += model.alias_of(i) ? 0 : model.tensor(i).bytes;
    }
    return {.run = [=] { *arena = SealedModel::open(path, *key).load(); },
            .finish = [=] { *arena = Arena(); },
            .check = sum,
            .payload = payload};
}

Job seal_job(const Arguments& arguments) {
    const std::string model = arguments.at(0), path = arguments.at(1);
    const auto key = std::make_shared<Key>(read_key(arguments.at(2)));
    const Suite suite = suite_of(arguments.at(3));
    return {.run = [=] { seal(model, path, *key, {.suite = suite, .overwrite = true}); }};
}

Job verify(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    const auto key = std::make_shared<Key>(read_key(arguments.at(1)));
    return {.run = [=] { SealedModel::open(path, *key).verify(); }};
}

Job unseal_job(const Arguments& arguments) {
    const std::string path = arguments.at(0), output = arguments.at(2);
    const auto key = std::make_shared<Key>(read_key(arguments.at(1)));
    return {.run = [=] { unseal(SealedModel::open(path, *key), output, {.overwrite = true}); }};
}

/// Open, and look at every name.
Job open(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    const auto key = std::make_shared<Key>(read_key(arguments.at(1)));
    const auto letters = std::make_shared<std::uint64_t>(0);
    const auto list = [=] {
        const SealedModel model = SealedModel::open(path, *key);
        *letters = 0;
        for (std::size_t i = 0; i < model.tensor_count(); ++i) {
            *letters += model.tensor(i).name.size();
        }
    };
    return {.run = list, .check = [=] { return *letters; }};
}

/// What a load consists of, each part alone. Reading: the file copied into small buffers that stay in cache.
Job part_read(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    const std::uint64_t size = std::filesystem::file_size(path);
    return {.run =
                [=] {
                    const File file(path);
                    for_blocks(size, 8 * read_block, [&](std::uint64_t at, std::uint64_t length) {
                        thread_local std::vector<std::byte> scratch(256 << 10);
                        for (std::uint64_t done = 0; done < length;) {
                            const auto piece = std::min<std::uint64_t>(scratch.size(), length - done);
                            file.read(at + done, MutableBytes(scratch).first(piece));
                            done += piece;
                        }
                    });
                },
            .payload = size};
}

/// Memory: a fresh huge-page buffer of the size of all tensors, one byte written in every small page.
Job part_memory(const Arguments& arguments) {
    const std::uint64_t times = arguments.size() > 1 ? std::stoull(arguments[1]) : 1;
    const std::uint64_t size = times * std::filesystem::file_size(arguments.at(0));
    const auto buffer = std::make_shared<AlignedBuffer>();
    return {.run =
                [=] {
                    *buffer = AlignedBuffer(size, {});
                    for_blocks(size, 2 * read_block, [&](std::uint64_t at, std::uint64_t length) {
                        for (std::uint64_t i = at; i < at + length; i += 4096) {
                            buffer->data()[i] = std::byte{1};
                        }
                    });
                },
            .finish = [=] { *buffer = AlignedBuffer(); },
            .payload = size};
}

/// Decrypting: one chunk a worker, which stays in cache, decrypted and checked as often as the model has
/// chunks.
Job part_decrypt(const Arguments& arguments) {
    const std::uint64_t size = std::filesystem::file_size(arguments.at(0));
    const Suite suite = suite_of(arguments.at(1));
    constexpr std::size_t chunk = std::size_t{1} << layout::default_chunk_log2;
    struct Worker {
        explicit Worker(Suite suite) : aead(crypto::make_aead(suite, crypto::Direction::decrypt)) {
            const std::vector<std::byte> key(secret_size);
            aead->set_key(std::span(key).first<secret_size>());
            const auto encrypting = crypto::make_aead(suite, crypto::Direction::encrypt);
            encrypting->set_key(std::span(key).first<secret_size>());
            encrypting->encrypt({}, plain, cipher.data(), tag);
        }
        std::unique_ptr<crypto::Aead> aead;
        std::vector<std::byte> plain = std::vector<std::byte>(chunk);
        std::vector<std::byte> cipher = std::vector<std::byte>(chunk);
        std::array<std::byte, crypto::tag_size> tag{};
    };
    return {.run = [=] {
        for_blocks(size, 64 * chunk, [&](std::uint64_t, std::uint64_t length) {
            thread_local Worker worker(suite);
            for (std::uint64_t done = 0; done < length; done += chunk) {
                if (!worker.aead->decrypt({}, worker.cipher, worker.plain.data(), worker.tag)) {
                    throw std::runtime_error("wrong tag");
                }
            }
        });
    }};
}

/// The same load by an engine that does its own I/O: plan, pread into scratch, decrypt.
Job engine(const Arguments& arguments) {
    const std::string path = arguments.at(0);
    const auto key = std::make_shared<Key>(read_key(arguments.at(1)));
    const auto tensors = std::make_shared<std::vector<AlignedBuffer>>();
    const auto load_all = [=] {
        const SealedModel model = SealedModel::open(path, *key);
        std::vector<Selection> all(model.tensor_count());
        tensors->clear();
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i].tensor = i;
            tensors->emplace_back(model.tensor(i).bytes, BufferOptions{});
        }
        const Plan plan = model.plan(all);
        const File file(path);
        for_blocks(plan.items.size(), 1, [&](std::uint64_t item, std::uint64_t) {
            thread_local std::vector<std::byte> scratch;
            scratch.resize(plan.items[item].length);
            file.read(plan.items[item].file_offset, scratch);
            model.decrypt(plan, item, scratch, (*tensors)[plan.items[item].selection].bytes());
        });
    };
    const auto sum = [=] {
        return std::accumulate(
            tensors->begin(), tensors->end(), std::uint64_t{0},
            [](std::uint64_t total, const AlignedBuffer& tensor) { return total + sum_of(tensor.bytes()); });
    };
    return {.run = load_all, .finish = [=] { tensors->clear(); }, .check = sum};
}

Job make_job(const std::string& name, const Arguments& arguments) {
    static const std::map<std::string, Job (*)(const Arguments&)> jobs = {
        {"pread", plain_read},    {"load", load},
        {"seal", seal_job},       {"verify", verify},
        {"unseal", unseal_job},   {"open", open},
        {"part-read", part_read}, {"part-memory", part_memory},
        {"engine", engine},       {"part-decrypt", part_decrypt}};
    const auto found = jobs.find(name);
    if (found == jobs.end()) {
        throw std::invalid_argument("no job " + name);
    }
    return found->second(arguments);
}

/// Brings a file into the page cache, and twice its size of free memory back to life: a virtual machine may
/// have given idle memory back to its host, and whoever touches it first would pay for the host's page
/// faults.
void warm(const Arguments& arguments) {
    part_read(arguments).run();
    part_memory({arguments.at(0), "2"}).run();
}

/// Peak resident set of this process so far, bytes.
std::uint64_t peak_resident() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) {
            return std::stoull(line.substr(6)) * 1024;
        }
    }
    throw std::runtime_error("no VmHWM");
}

void once(const Job& job) {
    const double seconds = seconds_of(job.run);
    std::printf("{\"seconds\": %.6f, \"peak_resident\": %llu, \"payload\": %llu}\n", seconds,
                static_cast<unsigned long long>(peak_resident()), static_cast<unsigned long long>(job.payload));
}

void serve(const Job& job) {
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        const double seconds = seconds_of(job.run);
        if (line == "check") {
            std::printf("%llu\n", static_cast<unsigned long long>(job.check()));
        } else {
            std::printf("%.6f\n", seconds);
        }
        job.finish();
        std::fflush(stdout);
    }
}

/// Counts the bytes that slices fetch: whole rows (one contiguous run each) and column halves (one run a
/// row).
void count_slices(const Arguments& arguments) {
    const auto file = file_source(arguments.at(0));
    std::atomic<std::uint64_t> fetched{0};
    const auto counted = callback_source(file->size(), [&](std::uint64_t offset, MutableBytes to) {
        fetched += to.size();
        file->read_at(offset, to);
        return true;
    });
    const SealedModel model = SealedModel::open(counted, read_key(arguments.at(1)));
    const auto cost = [&](const Selection& selection) {
        fetched = 0;
        const AlignedBuffer result = model.read(selection);
        return std::pair{fetched.load(), static_cast<std::uint64_t>(result.size())};
    };

    std::mt19937_64 random(1);
    double worst_excess = 0, worst_columns = 0;
    std::uint64_t rows_read = 0, columns_read = 0;
    for (std::size_t i = 0; i < model.tensor_count(); ++i) {
        const TensorInfo tensor = model.tensor(i);
        if (tensor.shape.size() != 2) {
            continue;
        }
        for (int repeat = 0; repeat < 4; ++repeat, ++rows_read) {
            const std::uint64_t begin = random() % tensor.shape[0];
            const std::uint64_t end = begin + 1 + random() % std::min<std::uint64_t>(tensor.shape[0] - begin, 512);
            const auto [bytes, asked] = cost({i, {{begin, end}}});
            const double excess = (static_cast<double>(bytes) - static_cast<double>(asked)) /
                                  static_cast<double>(model.facts().chunk_size);
            worst_excess = std::max(worst_excess, excess);
        }
        if (columns_read < 16) {
            const std::uint64_t half = tensor.shape[1] / 2;
            const auto [bytes, asked] = cost({i, {{0, tensor.shape[0]}, {0, half}}});
            worst_columns = std::max(worst_columns, static_cast<double>(bytes) / static_cast<double>(tensor.bytes));
            ++columns_read;
        }
    }
    std::printf("{\"row_slices\": %llu, \"worst_excess_chunks\": %.4f, \"column_slices\": %llu, "
                "\"worst_columns_fetched\": %.4f}\n",
                static_cast<unsigned long long>(rows_read), worst_excess, static_cast<unsigned long long>(columns_read),
                worst_columns);
}

void print_kernels() {
    std::printf("{\"%s\": \"%s\", \"%s\": \"%s\"}\n", suite_name(Suite::aes_256_gcm).data(),
                suite_kernel(Suite::aes_256_gcm).data(), suite_name(Suite::chacha20_poly1305).data(),
                suite_kernel(Suite::chacha20_poly1305).data());
}

void make_key(const Arguments& arguments) {
    const Key key = Key::generate(KeyKind::seal);
    std::string text(key_text_size(key.kind), '\0');
    format_key(key, text);
    std::ofstream(arguments.at(0)) << text << '\n';
}

} // namespace

int main(int count, char** values) {
    try {
        Arguments arguments(values + 1, values + count);
        const bool serving = !arguments.empty() && arguments.front() == "serve";
        if (serving) {
            arguments.erase(arguments.begin());
        }
        if (arguments.empty()) {
            throw std::invalid_argument("which job?");
        }
        const std::string name = arguments.front();
        arguments.erase(arguments.begin());
        if (name == "warm") {
            warm(arguments);
        } else if (name == "keygen") {
            make_key(arguments);
        } else if (name == "kernels") {
            print_kernels();
        } else if (name == "slices") {
            count_slices(arguments);
        } else if (serving) {
            serve(make_job(name, arguments));
        } else {
            once(make_job(name, arguments));
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_container: %s\n", error.what());
        return 1;
    }
}
