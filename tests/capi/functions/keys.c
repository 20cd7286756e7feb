/* Versions, names of numbers, and keys. */

#define _XOPEN_SOURCE 700

#include "test.h"

void test_versions(void) {
    CHECK(wseal_abi_version() == WSEAL_ABI_VERSION);
    int major = -1;
    int minor = -1;
    int patch = -1;
    CHECK(sscanf(wseal_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
    CHECK(major >= 0 && minor >= 0 && patch >= 0);

    CHECK(strcmp(wseal_status_name(WSEAL_OK), "ok") == 0);
    CHECK(strcmp(wseal_status_name(WSEAL_CORRUPT_DATA), "corrupt_data") == 0);
    for (int dtype = WSEAL_BOOL; dtype <= WSEAL_U64; ++dtype) {
        CHECK(wseal_dtype_name((wseal_dtype)dtype) != NULL);
        CHECK(wseal_dtype_bits((wseal_dtype)dtype) >= 4);
    }
    CHECK(strcmp(wseal_dtype_name(WSEAL_F6_E2M3), "F6_E2M3") == 0);
    CHECK(wseal_dtype_bits(WSEAL_F6_E2M3) == 6);
    CHECK(wseal_dtype_bits(WSEAL_C64) == 64);
}

static void round_trip(void) {
    char text[WSEAL_KEY_TEXT_SIZE];
    char again[WSEAL_KEY_TEXT_SIZE];
    wseal_key* key = NULL;
    wseal_key* parsed = NULL;
    OK(wseal_key_generate(WSEAL_KEY_SEAL, &key, error));
    OK(wseal_key_format(key, text, sizeof text, error));
    CHECK(strncmp(text, "wseal_seal_", 11) == 0);
    CHECK(strlen(text) == 59);
    OK(wseal_key_parse(text, &parsed, error));
    OK(wseal_key_format(parsed, again, sizeof again, error));
    CHECK(strcmp(text, again) == 0);

    memset(again, 'x', sizeof again);
    EXPECT(WSEAL_DESTINATION_SIZE, wseal_key_format(key, again, 59, error));
    CHECK(all_are(again, sizeof again, 'x'));
    OK(wseal_key_format(key, again, 60, error)); /* the text and its terminator */
    CHECK(strcmp(text, again) == 0);
    wseal_key_free(parsed);
    wseal_key_free(key);
}

static void generated_kinds(void) {
    static const struct {
        uint32_t kind;
        const char* prefix;
    } kinds[] = {
        {WSEAL_KEY_SEAL, "wseal_seal_"},
        {WSEAL_KEY_WATERMARK, "wseal_watermark_"},
        {WSEAL_KEY_SIGNING, "wseal_signing_"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        wseal_key* key = NULL;
        char text[WSEAL_KEY_TEXT_SIZE];
        OK(wseal_key_generate(kinds[i].kind, &key, error));
        OK(wseal_key_format(key, text, sizeof text, error));
        CHECK(strncmp(text, kinds[i].prefix, strlen(kinds[i].prefix)) == 0);
        wseal_key_free(key);
    }
}

static void raw_bytes(void) {
    uint8_t bytes[WSEAL_KEY_BYTES];
    for (unsigned i = 0; i < WSEAL_KEY_BYTES; ++i) {
        bytes[i] = (uint8_t)i;
    }
    static const char* const texts[] = {
        "wseal_seal_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-iIDef",
        "wseal_recipient_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh94nu1q",
        "wseal_signing_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh863fp0",
        "wseal_watermark_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh_xuQs3",
    };
    for (int kind = WSEAL_KEY_SEAL; kind <= WSEAL_KEY_WATERMARK; ++kind) {
        wseal_key* key = NULL;
        char text[WSEAL_KEY_TEXT_SIZE];
        OK(wseal_key_from_bytes((wseal_key_kind)kind, bytes, &key, error));
        OK(wseal_key_format(key, text, sizeof text, error));
        CHECK(strcmp(text, texts[kind - 1]) == 0);
        wseal_key_free(key);
    }
}

static void refusals(void) {
    wseal_key* key = NULL;
    char text[WSEAL_KEY_TEXT_SIZE] = "wseal_seal_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-iIDef";
    text[20] = 'X';
    EXPECT(WSEAL_KEY_CHECKSUM, wseal_key_parse(text, &key, error));
    EXPECT(WSEAL_KEY_FORMAT, wseal_key_parse("hello", &key, error));
    static const uint32_t not_made[] = {0, WSEAL_KEY_RECIPIENT, WSEAL_KEY_WATERMARK + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof not_made / sizeof not_made[0]; ++i) {
        EXPECT(WSEAL_UNSUPPORTED, wseal_key_generate(not_made[i], &key, error));
    }
    EXPECT(WSEAL_KEY_SOURCE_FAILED, wseal_key_from_source("env:WEIGHTSEAL_NO_SUCH_VARIABLE", &key, error));
    EXPECT(WSEAL_KEY_SOURCE_FAILED, wseal_key_from_source(text, &key, error));
    CHECK(key == NULL);
}

static void sources(void) {
    wseal_key* key = NULL;
    setenv("WEIGHTSEAL_TEST_KEY", "# a comment\n\nwseal_seal_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-iIDef\r\n", 1);
    OK(wseal_key_from_source("env:WEIGHTSEAL_TEST_KEY", &key, error));
    char text[WSEAL_KEY_TEXT_SIZE];
    OK(wseal_key_format(key, text, sizeof text, error));
    CHECK(strcmp(text + 11, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-iIDef") == 0);
    wseal_key_free(key);
}

void test_keys(void) {
    round_trip();
    generated_kinds();
    raw_bytes();
    refusals();
    sources();
    wseal_key_free(NULL);
}
