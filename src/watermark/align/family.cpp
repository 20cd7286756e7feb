#include "weightseal/watermark/align.hpp"

namespace weightseal {

std::string_view model_family_name(ModelFamily family) noexcept {
    switch (family) {
    case ModelFamily::automatic: return "automatic";
    case ModelFamily::none: return "none";
    case ModelFamily::rmsnorm: return "rmsnorm";
    case ModelFamily::post_layernorm: return "post-layernorm";
    }
    return "?";
}

} // namespace weightseal
