#include "weightseal/container/unseal.hpp"

#include "container/state.hpp"
#include "platform/file.hpp"
#include "weightseal/core/error.hpp"

#include <atomic>
#include <fmt/format.h>
#include <set>

namespace weightseal {
namespace {

namespace fs = std::filesystem;
using namespace container;

/// One file to write: an entry, and for a safetensors file the tensors behind its head.
struct FilePlan {
    const Entry* file;
    std::vector<const Entry*> tensors;
};

std::vector<FilePlan> plan_files(const Index& index, const std::string& subject) {
    std::vector<FilePlan> files;
    std::vector<std::size_t> position(index.entries().size());
    for (const Entry& entry : index.entries()) {
        if (entry.kind == EntryKind::file) {
            position[entry.ordinal] = files.size();
            files.push_back({&entry, {}});
        } else if (entry.kind == EntryKind::tensor && entry.link != 0) {
            files[position[entry.link - 1]].tensors.push_back(&entry);
        } else if (entry.kind == EntryKind::tensor) {
            throw Error(Errc::unsupported, subject,
                        fmt::format("the tensor '{}' belongs to no file: it can be read, not unsealed", entry.name));
        }
    }
    return files;
}

/// Progress of one call that reads several files.
class Total {
  public:
    Total(const std::vector<FilePlan>& files, const UnsealOptions& options) : options_(options) {
        for (const FilePlan& file : files) {
            bytes_ += file.file->length;
            for (const Entry* tensor : file.tensors)
                bytes_ += tensor->length;
        }
    }
    [[nodiscard]] ReadOptions read_options() {
        ReadOptions options;
        options.parallel = options_.parallel;
        options.hooks = options_.hooks;
        if (options_.hooks.progress)
            options.hooks.progress = [this](std::uint64_t done, std::uint64_t) {
                options_.hooks.progress(before_.load(std::memory_order_relaxed) + done, bytes_);
            };
        return options;
    }
    void finish_file(std::uint64_t bytes) { before_.fetch_add(bytes, std::memory_order_relaxed); }

  private:
    const UnsealOptions& options_;
    std::uint64_t bytes_ = 0;
    std::atomic<std::uint64_t> before_{0};
};

void write_file(const Source& source, const FilePlan& plan, platform::OutputFile& out, Total& total) {
    std::vector<Target> targets;
    std::vector<std::uint64_t> begins; // where each target starts in the file
    std::uint64_t size = 0;
    const auto add = [&](const Entry& entry) {
        targets.push_back({{entry, source.chunk_log2}, nullptr, begins.size()});
        begins.push_back(size);
        size += entry.length;
    };
    add(*plan.file);
    for (const Entry* tensor : plan.tensors)
        add(*tensor);
    read_targets(source, std::move(targets), total.read_options(),
                 [&](const Target& target, std::uint64_t offset, Bytes plain) {
                     out.write_at(begins[target.selection] + offset, plain);
                 });
    out.commit();
    total.finish_file(size);
}

// An earlier output of the same container may be replaced; anything else in the folder is somebody's work.
void require_only(const fs::path& folder, const std::vector<FilePlan>& files) {
    std::set<std::string> names;
    for (const FilePlan& file : files)
        names.emplace(file.file->name);
    std::error_code error;
    if (!fs::is_directory(folder, error)) return;
    try {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_directory() && !entry.is_symlink()) continue;
            const std::string name = entry.path().lexically_relative(folder).generic_string();
            if (!names.contains(name))
                throw Error(Errc::file_exists, folder.native(),
                            fmt::format("is not replaced: it holds '{}', which the container does not", name));
        }
    } catch (const fs::filesystem_error& failure) {
        throw Error(Errc::io_failed, folder.native(), failure.code().message());
    }
}

} // namespace

void unseal(const SealedModel& model, const fs::path& path, const UnsealOptions& options) {
    const SealedModel::State& state = StateAccess::of(model);
    const std::vector<FilePlan> files = plan_files(state.index, state.part.subject);
    const auto keys = state.keys();
    const Source source = state.source(*keys);
    Total total(files, options);
    if (!model.is_folder()) {
        if (files.size() != 1 || files.front().file->name.find('/') != std::string_view::npos)
            throw Error(Errc::unsupported, state.part.subject, "was not sealed from a file or a folder");
        platform::OutputFile out(path, options.overwrite);
        write_file(source, files.front(), out, total);
        return;
    }
    if (options.overwrite) require_only(path, files);
    platform::OutputFolder folder(path, options.overwrite);
    for (const FilePlan& file : files) {
        const fs::path target = folder.staging() / fs::path(file.file->name);
        std::error_code error;
        fs::create_directories(target.parent_path(), error);
        if (error) platform::throw_errno(error.value(), target.native(), "its folder cannot be created");
        platform::OutputFile out(target, false);
        write_file(source, file, out, total);
    }
    folder.commit();
}

} // namespace weightseal
