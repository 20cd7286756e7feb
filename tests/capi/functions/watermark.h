/* What the tests of the watermark share: a small model, marked. Plain C11. */
#ifndef WEIGHTSEAL_TEST_WATERMARK_H
#define WEIGHTSEAL_TEST_WATERMARK_H

#include "test.h"

/* Weights of each marked tensor: enough of them to tell at strength 0.02. */
enum { weight_rows = 1024, weight_columns = 384, weight_count = weight_rows * weight_columns };

/* model.safetensors: "a.weight" and "b.weight" BF16 [1024, 384], "gain" F32 [64], "ids" I32 [64]; and its marked copy,
 * under owner "acme" and model id "model" at strength 0.02. */
typedef struct marking {
    char folder[64]; /* temporary; removed by close_marking */
    char original[96], marked[96], record_path[96];
    uint16_t* weights[2];
    float gain[64];
    int32_t ids[64];
    wseal_key* key;
    wseal_record* record;
    wseal_mark_report report;
} marking;

marking open_marking(void);
void close_marking(marking* m);

/* folder/name in a static buffer that the next call reuses. */
const char* in_folder(const marking* m, const char* name);
int same_content(const char* a, const char* b);

#endif
