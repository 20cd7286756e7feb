/* Tests of the C ABI as a C program sees it. Names of tests as arguments; without, all of them. */

#include "test.h"

int failures = 0;

static const struct {
    const char* name;
    void (*run)(void);
} tests[] = {
    {"versions", test_versions},
    {"keys", test_keys},
    {"sealing", test_sealing},
    {"opening", test_opening},
    {"listing", test_listing},
    {"reading", test_reading},
    {"failures", test_failures},
    {"plans", test_plans},
    {"hooks", test_hooks},
    {"structs", test_structs},
    {"two models", test_two_models},
    {"marking", test_marking},
    {"marking refusals", test_marking_refusals},
    {"records", test_records},
    {"detecting", test_detecting},
    {"tensors", test_tensors},
    {"watermark structs", test_watermark_structs},
    {"guard", test_guard},
    {"guard log", test_guard_log},
    {"shared guard", test_guard_shared},
    {"storage", test_storage},
};

int main(int argc, char** argv) {
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
        int wanted = argc == 1;
        for (int a = 1; a < argc; ++a) {
            wanted |= strcmp(argv[a], tests[i].name) == 0;
        }
        if (wanted) {
            const int before = failures;
            tests[i].run();
            printf("%s: %s\n", tests[i].name, failures == before ? "ok" : "failed");
        }
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
