// The watermark tensor by tensor, for pipelines that never have the whole model.

#include "watermark.hpp"

#include "crypto/hash.hpp"
#include "weightseal/watermark/detect.hpp"
#include "weightseal/watermark/mark.hpp"

#include <algorithm>
#include <vector>

using namespace weightseal;
using namespace weightseal::capi;

namespace {

Dtype to_dtype(std::uint32_t dtype) {
    if (dtype < WSEAL_BOOL || dtype > WSEAL_U64)
        throw Error(Errc::unknown_dtype, "dtype", "is a number that does not exist");
    return static_cast<Dtype>(dtype);
}

std::span<const std::uint64_t> shape_of(const wseal_tensor& c) {
    if (c.rank > max_rank) throw Error(Errc::too_large, c.name, "has more dimensions than a tensor can have");
    if (c.rank != 0) require(c.shape);
    return {c.shape, c.rank};
}

Digest to_digest(const std::uint8_t (&c)[WSEAL_DIGEST_BYTES]) {
    Digest digest;
    std::memcpy(digest.data(), c, digest.size());
    return digest;
}

RecordTensor to_record_tensor(const wseal_tensor& c) {
    require(c.name);
    const auto shape = shape_of(c);
    RecordTensor tensor;
    tensor.name = c.name;
    tensor.dtype = to_dtype(c.dtype);
    tensor.shape.assign(shape.begin(), shape.end());
    tensor.digest = to_digest(c.digest);
    return tensor;
}

} // namespace

extern "C" {

const char* wseal_statistic_name(uint32_t statistic) {
    const bool known = statistic < WSEAL_STATISTIC_COUNT;
    return known ? statistic_name(static_cast<Statistic>(statistic)).data() : nullptr; // names are literals
}

wseal_status wseal_significance_of(const wseal_correlation* correlations, uint32_t run, wseal_significance* out,
                                   wseal_error* error) {
    return guarded(error, [&] {
        require(correlations, out);
        if (run >> WSEAL_STATISTIC_COUNT != 0)
            throw Error(Errc::invalid_argument, "run", "names a statistic that does not exist");
        Correlations summed;
        for (std::size_t i = 0; i < statistic_count; ++i)
            if ((run >> i & 1U) != 0) summed[i] = Correlation{correlations[i].s, correlations[i].q};
        *out = to_c(significance(summed));
    });
}

wseal_status wseal_tensor_digest(const void* data, size_t size, uint8_t digest[WSEAL_DIGEST_BYTES],
                                 wseal_error* error) {
    return guarded(error, [&] {
        require(digest);
        if (size != 0) require(data);
        const Digest hash = crypto::sha256({Bytes(static_cast<const std::byte*>(data), size)});
        std::memcpy(digest, hash.data(), hash.size());
    });
}

wseal_status wseal_original_root(const wseal_tensor* tensors, size_t count, uint8_t root[WSEAL_DIGEST_BYTES],
                                 wseal_error* error) {
    return guarded(error, [&] {
        require(root);
        if (count != 0) require(tensors);
        std::vector<RecordTensor> sorted;
        sorted.reserve(count);
        for (std::size_t i = 0; i < count; ++i)
            sorted.push_back(to_record_tensor(tensors[i]));
        std::ranges::sort(sorted, {}, &RecordTensor::name);
        const Digest hash = original_root(sorted);
        std::memcpy(root, hash.data(), hash.size());
    });
}

wseal_status wseal_mark_tensor(const wseal_key* key, const wseal_mark_identity* identity, const wseal_tensor* tensor,
                               double strength, void* data, size_t size, uint32_t threads, const wseal_hooks* hooks,
                               wseal_tensor_mark* counts, wseal_error* error) {
    return guarded(error, [&] {
        require(key, identity, tensor, counts);
        require(identity->owner, identity->model_id, tensor->name);
        if (size != 0) require(data);
        check_size(*counts); // before anything is marked
        const TensorInfo info{tensor->name, to_dtype(tensor->dtype), shape_of(*tensor), size};
        const TensorMark done =
            mark_tensor(key->key, {identity->owner, identity->model_id, to_digest(identity->scope)}, info, strength,
                        {static_cast<std::byte*>(data), size}, to_parallel(hooks_of(hooks), threads));
        write_out(counts, {0, done.elements, done.zeros, done.nonfinite, done.squared_change, done.squared_norm});
    });
}

wseal_status wseal_correlate_tensor(const wseal_key* key, const wseal_record* record, const char* name, uint32_t dtype,
                                    const void* data, size_t size, uint32_t threads, const wseal_hooks* hooks,
                                    wseal_tensor_correlation* correlation, wseal_error* error) {
    return guarded(error, [&] {
        require(key, record, name, correlation);
        if (size != 0) require(data);
        check_size(*correlation);
        const Bytes bytes(static_cast<const std::byte*>(data), size);
        const auto tensor = record->record->position(name);
        if (!tensor) throw Error(Errc::no_such_tensor, name, "is not in the record");
        const TensorCorrelation found = correlate_tensor(key->key, record->identity, record->record->tensors[*tensor],
                                                         to_dtype(dtype), bytes, to_parallel(hooks_of(hooks), threads));
        write_out(correlation, {0, to_c(found.white), to_c(found.sign), found.nonfinite});
    });
}

} // extern "C"
