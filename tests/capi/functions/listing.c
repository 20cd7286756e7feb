/* Listing tensors and files. */

#include "test.h"

static void check_tensor(const wseal_model* model, size_t tensor, const char* name, wseal_dtype dtype, uint32_t rank) {
    wseal_tensor_info info = WSEAL_TENSOR_INFO_INIT;
    OK(wseal_tensor_at(model, tensor, &info, error));
    CHECK(strcmp(info.name, name) == 0);
    CHECK(info.name_size == strlen(name));
    CHECK(info.dtype == dtype);
    CHECK(info.rank == rank);
    CHECK(info.bytes == tensor_sizes[tensor]);
    CHECK(info.alias_of == tensor); /* of none */
    CHECK(info.struct_size == sizeof info);
    uint64_t elements = 1;
    for (uint32_t i = 0; i < info.rank; ++i) {
        elements *= info.shape[i];
    }
    CHECK(elements * wseal_dtype_bits(info.dtype) / 8 == info.bytes);
    size_t found = 99;
    OK(wseal_tensor_find(model, name, &found, error));
    CHECK(found == tensor);
}

void test_listing(void) {
    fixture f = open_fixture();
    size_t count = 0;
    OK(wseal_tensor_count(f.model, &count, error));
    CHECK(count == tensor_total);
    check_tensor(f.model, tensor_bytes, "bytes", WSEAL_U8, 1);
    check_tensor(f.model, tensor_matrix, "matrix", WSEAL_BF16, 2);
    check_tensor(f.model, tensor_none, "none", WSEAL_F32, 2);
    check_tensor(f.model, tensor_scalar, "scalar", WSEAL_F32, 0);

    const char* names = NULL;
    size_t size = 0;
    OK(wseal_tensor_names(f.model, &names, &size, error));
    static const char expected[] = "bytes\0matrix\0none\0scalar";
    CHECK(size == sizeof expected && memcmp(names, expected, size) == 0);

    OK(wseal_file_count(f.model, &count, error));
    CHECK(count == 2);
    wseal_file_info file = WSEAL_FILE_INFO_INIT;
    OK(wseal_file_at(f.model, 0, &file, error));
    CHECK(strcmp(file.name, "config.json") == 0 && file.name_size == 11 && file.bytes == 8 &&
          file.is_safetensors_head == 0);
    OK(wseal_file_at(f.model, 1, &file, error));
    CHECK(strcmp(file.name, "model.safetensors") == 0 && file.is_safetensors_head == 1);
    size_t found = 99;
    OK(wseal_file_find(f.model, "model.safetensors", &found, error));
    CHECK(found == 1);

    int is_folder = 0;
    char block = 'x';
    OK(wseal_model_is_folder(f.model, &is_folder, error));
    CHECK(is_folder == 1);
    OK(wseal_model_damaged_slot_block(f.model, &block, error));
    CHECK(block == 0);

    /* What is not there leaves the outputs alone. */
    wseal_tensor_info info = WSEAL_TENSOR_INFO_INIT;
    found = 99;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_tensor_at(f.model, tensor_total, &info, error));
    CHECK(info.name == NULL && info.bytes == 0);
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_file_at(f.model, 2, &file, error));
    CHECK(strcmp(file.name, "model.safetensors") == 0);
    EXPECT(WSEAL_NO_SUCH_TENSOR, wseal_tensor_find(f.model, "Bytes", &found, error));
    EXPECT(WSEAL_NO_SUCH_FILE_ENTRY, wseal_file_find(f.model, "bytes", &found, error));
    CHECK(found == 99);
    close_fixture(&f);
}
