#include "watermark/align/architecture.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>

namespace weightseal::watermark::align {
namespace {

struct NamedRole {
    std::string_view name; // behind the layer's prefix
    Role role;
    std::optional<Part> norm = std::nullopt;
};

/// The names of a family. `{}` is the number of the layer.
struct Names {
    ModelFamily family;
    std::string_view embedding; // what stands before it is the prefix of all but the head
    std::string_view layer;
    std::string_view final_norm;
    std::string_view head; // without prefix
    std::span<const NamedRole> in_layer, outside;
};

constexpr Space own = Space::own, residual = Space::residual, neurons = Space::neurons,
                query_heads = Space::query_heads, key_heads = Space::key_heads;

constexpr NamedRole rmsnorm_layer[] = {
    {"input_layernorm.weight", {.part = Part::attention_norm, .rows = residual, .is_gain = true}},
    {"post_attention_layernorm.weight", {.part = Part::ffn_norm, .rows = residual, .is_gain = true}},
    {"self_attn.q_proj.weight", {.part = Part::query, .rows = query_heads, .columns = residual}, Part::attention_norm},
    {"self_attn.k_proj.weight", {.part = Part::key, .rows = key_heads, .columns = residual}, Part::attention_norm},
    {"self_attn.v_proj.weight", {.part = Part::value, .rows = key_heads, .columns = residual}, Part::attention_norm},
    {"self_attn.o_proj.weight", {.part = Part::output, .rows = residual, .columns = query_heads}},
    {"mlp.gate_proj.weight", {.part = Part::gate, .rows = neurons, .columns = residual}, Part::ffn_norm},
    {"mlp.up_proj.weight", {.part = Part::up, .rows = neurons, .columns = residual, .is_scaled = true}, Part::ffn_norm},
    {"mlp.down_proj.weight", {.part = Part::down, .rows = residual, .columns = neurons, .is_scaled = true}},
};

// Biases of heads have no role: they are too few to carry a mark, and the map of their head is known by its matrix.
constexpr NamedRole post_layernorm_layer[] = {
    {"attention.self.query.weight", {.part = Part::query, .rows = query_heads, .columns = residual}},
    {"attention.self.key.weight", {.part = Part::key, .rows = key_heads, .columns = residual}},
    {"attention.self.value.weight", {.part = Part::value, .rows = key_heads, .columns = residual}},
    {"attention.output.dense.weight", {.part = Part::output, .rows = residual, .columns = query_heads}},
    {"attention.output.dense.bias", {.rows = residual}},
    {"attention.output.LayerNorm.weight", {.rows = residual}},
    {"attention.output.LayerNorm.bias", {.rows = residual}},
    {"intermediate.dense.weight", {.part = Part::gate, .rows = neurons, .columns = residual}},
    {"intermediate.dense.bias", {.rows = neurons}},
    {"output.dense.weight", {.part = Part::down, .rows = residual, .columns = neurons}},
    {"output.dense.bias", {.rows = residual}},
    {"output.LayerNorm.weight", {.rows = residual}},
    {"output.LayerNorm.bias", {.rows = residual}},
};

constexpr NamedRole post_layernorm_outside[] = {
    {"embeddings.position_embeddings.weight", {.rows = own, .columns = residual}},
    {"embeddings.token_type_embeddings.weight", {.rows = own, .columns = residual}},
    {"embeddings.LayerNorm.weight", {.rows = residual}},
    {"embeddings.LayerNorm.bias", {.rows = residual}},
    {"pooler.dense.weight", {.rows = own, .columns = residual}},
};

constexpr Names rmsnorm_names{
    ModelFamily::rmsnorm, "embed_tokens.weight", "layers.{}.", "norm.weight", "lm_head.weight", rmsnorm_layer, {}};
constexpr Names post_layernorm_names{
    ModelFamily::post_layernorm, "embeddings.word_embeddings.weight", "encoder.layer.{}.", "", "", post_layernorm_layer,
    post_layernorm_outside};

class Reader {
  public:
    Reader(const WatermarkRecord& record, const Names& names) : record_(record), names_(names) {
        found_.roles.resize(record.tensors.size());
    }

    // False where the record has no model of these names.
    bool read() {
        const auto embedding = std::ranges::find_if(
            record_.tensors, [&](const RecordTensor& t) { return t.shape.size() == 2 && has_embedding_name(t.name); });
        if (embedding == record_.tensors.end()) return false;
        found_.family = names_.family;
        found_.embedding = static_cast<std::size_t>(embedding - record_.tensors.begin());
        if (embedding->shape[1] > max_width) return false;
        found_.width = static_cast<Index>(embedding->shape[1]);
        prefix_ = embedding->name.substr(0, embedding->name.size() - names_.embedding.size());
        take(*found_.embedding, {.rows = own, .columns = residual});
        read_outside();
        while (read_layer())
            ;
        return !found_.layers.empty();
    }

    Architecture take_architecture() { return std::move(found_); }

  private:
    static constexpr std::uint64_t max_width = std::uint64_t{1} << 16;
    static constexpr std::uint64_t max_extent = std::uint64_t{1} << 24; // checked before it becomes an Index

    [[nodiscard]] bool has_embedding_name(std::string_view name) const {
        return name.ends_with(names_.embedding) &&
               (name.size() == names_.embedding.size() || name[name.size() - names_.embedding.size() - 1] == '.');
    }

    void read_outside() {
        auto norm = record_.position(prefix_ + std::string(names_.final_norm));
        if (norm && !take(*norm, {.rows = residual, .is_gain = true})) norm.reset();
        if (const auto head = record_.position(names_.head); head && take(*head, {.columns = residual, .norm = norm}))
            found_.head = head;
        for (const NamedRole& named : names_.outside)
            if (const auto tensor = record_.position(prefix_ + std::string(named.name))) take(*tensor, named.role);
    }

    // The next layer; false where there is none.
    bool read_layer() {
        const std::string prefix = prefix_ + fmt::format(fmt::runtime(names_.layer), found_.layers.size());
        Layer layer;
        bool is_there = false;
        if (const auto gate = part_of(prefix, Part::gate); gate && !record_.tensors[*gate].shape.empty())
            layer.neurons = static_cast<Index>(std::min(record_.tensors[*gate].shape[0], max_extent));
        found_.layers.push_back(layer);
        for (const NamedRole& named : names_.in_layer) {
            const auto tensor = record_.position(prefix + std::string(named.name));
            if (!tensor) continue;
            is_there = true;
            Role role = named.role;
            role.layer = found_.layers.size() - 1;
            if (named.norm) role.norm = found_.layers.back().part(*named.norm);
            if (take(*tensor, role)) found_.layers.back().parts[static_cast<std::size_t>(role.part)] = tensor;
        }
        if (!is_there) found_.layers.pop_back();
        return is_there;
    }

    [[nodiscard]] std::optional<std::size_t> part_of(const std::string& prefix, Part part) const {
        for (const NamedRole& named : names_.in_layer)
            if (named.role.part == part) return record_.position(prefix + std::string(named.name));
        return std::nullopt;
    }

    // Gives the role to the tensor if its shape has room for it.
    bool take(std::size_t tensor, const Role& role) {
        const std::span<const std::uint64_t> shape = record_.tensors[tensor].shape;
        const bool is_matrix = role.columns != own;
        if (shape.size() != (is_matrix ? 2U : 1U) || !fits(role.rows, shape[0]) ||
            (is_matrix && !fits(role.columns, shape[1])))
            return false;
        found_.roles[tensor] = role;
        return true;
    }

    [[nodiscard]] bool fits(Space space, std::uint64_t extent) const {
        switch (space) {
        case Space::own:
        case Space::query_heads:
        case Space::key_heads: return extent != 0 && extent <= max_extent;
        case Space::residual: return extent == static_cast<std::uint64_t>(found_.width);
        case Space::neurons: return extent == static_cast<std::uint64_t>(found_.layers.back().neurons);
        }
        return false;
    }

    const WatermarkRecord& record_;
    const Names& names_;
    std::string prefix_;
    Architecture found_;
};

} // namespace

Architecture find_architecture(const WatermarkRecord& record, ModelFamily family) {
    for (const Names* names : {&rmsnorm_names, &post_layernorm_names})
        if (family == names->family || family == ModelFamily::automatic)
            if (Reader reader(record, *names); reader.read()) return reader.take_architecture();
    Architecture none;
    none.roles.resize(record.tensors.size());
    return none;
}

} // namespace weightseal::watermark::align
