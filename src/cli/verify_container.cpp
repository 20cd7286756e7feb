#include "cli/verify_container.hpp"

#include "cli/work.hpp"
#include "weightseal/container/sealed_model.hpp" // SealedModel
#include "weightseal/io/remote_source.hpp"       // open_source

namespace weightseal::cli {

VerifiedContainer verify_container(const std::string& container, const Key& key, unsigned threads) {
    Work work("verifying");
    Hooks hooks = work.hooks();
    hooks.log = nullptr; // what opening only warns of, verifying refuses
    const SealedModel model = SealedModel::open(open_source(container), key, hooks);
    model.verify({.parallel = {.threads = threads, .run = {}}, .hooks = hooks, .on_tensor = {}, .buffer = {}});
    return {model.tensor_count(), model.file_count(), model.facts().file_size, work.seconds(), model.facts().is_signed};
}

} // namespace weightseal::cli
