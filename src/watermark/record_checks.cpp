#include "watermark/record_checks.hpp"

#include "watermark/rows.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/core/tensor.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace weightseal::watermark {
namespace {

class Checks {
  public:
    Checks(const WatermarkRecord& record, const std::string& subject) : tensors_(record.tensors), subject_(subject) {}

    void run() {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            if (i != 0 && tensors_[i - 1].name >= tensors_[i].name)
                refuse(tensors_[i], "is not sorted by name, or stands twice");
            check_mark(tensors_[i], elements_of(tensors_[i]));
            check_tie(tensors_[i]);
        }
        if (marked_ == 0) throw Error(Errc::record_malformed, subject_, "nothing of it is marked");
    }

  private:
    [[noreturn]] void refuse(const RecordTensor& tensor, std::string_view what) const {
        throw Error(Errc::record_malformed, fmt::format("{}: tensor '{}'", subject_, tensor.name), what);
    }

    // Of a sub-byte dtype: bytes, which nobody asks for.
    [[nodiscard]] std::uint64_t elements_of(const RecordTensor& tensor) const {
        try {
            return tensor_bytes(tensor.dtype, tensor.shape) / std::max(1U, dtype_bits(tensor.dtype) / 8);
        } catch (const Error&) { // its codes are of models
            refuse(tensor, "its shape does not give a whole number of bytes that fits in 64 bits");
        }
    }

    void check_mark(const RecordTensor& tensor, std::uint64_t elements) {
        if (!tensor.mark) return;
        const bool is_markable = tensor.dtype == Dtype::f64 || tensor.dtype == Dtype::f32 ||
                                 tensor.dtype == Dtype::f16 || tensor.dtype == Dtype::bf16;
        if (!is_markable) refuse(tensor, "is marked, and its dtype cannot be");
        if (tensor.shape.size() < 2 || rows_of(tensor.shape).length > max_row)
            refuse(tensor, "is marked, and its shape cannot be");
        if (tensor.mark->elements > elements) refuse(tensor, "has fewer elements than are marked");
        if (!checked_add(marked_, tensor.mark->elements, marked_))
            refuse(tensor, "makes more elements than can be counted");
    }

    void check_tie(const RecordTensor& tensor) const {
        if (!tensor.tied_to) return;
        const auto target = std::ranges::lower_bound(tensors_, *tensor.tied_to, {}, &RecordTensor::name);
        if (target == tensors_.end() || target->name != *tensor.tied_to || !target->mark)
            refuse(tensor, "is tied to what is not a marked tensor");
        if (tensor.mark || target->dtype != tensor.dtype || target->shape != tensor.shape ||
            target->digest != tensor.digest)
            refuse(tensor, "is tied to a tensor that is not its equal");
    }

    const std::vector<RecordTensor>& tensors_;
    const std::string& subject_;
    std::uint64_t marked_ = 0;
};

} // namespace

void check_tensors(const WatermarkRecord& record, const std::string& subject) {
    Checks(record, subject).run();
}

} // namespace weightseal::watermark
