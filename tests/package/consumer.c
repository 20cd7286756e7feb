#include <stdio.h>
#include <weightseal.h>

int main(void) {
    wseal_error error;
    wseal_key* key = NULL;
    const wseal_status status = wseal_key_generate(WSEAL_KEY_SEAL, &key, &error);
    wseal_key_free(key);
    printf("C ABI %u of weightseal %s: %s\n", (unsigned)wseal_abi_version(), wseal_version(),
           wseal_status_name(status));
    return status == WSEAL_OK ? 0 : 1;
}
