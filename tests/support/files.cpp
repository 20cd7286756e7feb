#include "support/files.hpp"

#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>

namespace weightseal::testing {

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weightseal-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path tests_folder() {
    return WEIGHTSEAL_TESTS;
}

Data read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return to_data(text);
}

void write_file(const std::filesystem::path& path, Bytes content) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_file(const std::filesystem::path& path, std::string_view content) {
    write_file(path, as_bytes(content));
}

Data to_data(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

Data patterned(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 engine(seed);
    Data data(size);
    for (std::byte& b : data)
        b = static_cast<std::byte>(engine());
    return data;
}

} // namespace weightseal::testing
