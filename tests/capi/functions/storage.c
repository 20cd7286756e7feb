/* Storage: documents from an intent, and their audit. */

#include "test.h"

static const char intent[] = "{\"bucket\": \"acme-weights\", \"prefix\": \"models/\","
                             " \"readers\": [\"arn:aws:iam::111122223333:role/inference\"]}";

static int holds(wseal_buffer* text, const char* what) {
    const size_t size = wseal_buffer_size(text);
    char* const copy = malloc(size + 1);
    memcpy(copy, wseal_buffer_data(text), size);
    copy[size] = '\0';
    const int found = strstr(copy, what) != NULL;
    free(copy);
    return found;
}

void test_storage(void) {
    wseal_buffer* bundle = NULL;
    OK(wseal_storage_policy(intent, strlen(intent), WSEAL_POLICY_BUNDLE, &bundle, error));
    CHECK(holds(bundle, "DenyPlainHttp") && holds(bundle, "BucketOwnerEnforced"));
    wseal_buffer* report = NULL;
    OK(wseal_storage_audit(wseal_buffer_data(bundle), wseal_buffer_size(bundle), NULL, &report, error));
    CHECK(holds(report, "\"version\":1") && holds(report, "\"findings\":[]"));
    wseal_buffer_free(report);
    wseal_buffer_free(bundle);

    OK(wseal_storage_policy(intent, strlen(intent), WSEAL_POLICY_TERRAFORM, &bundle, error));
    CHECK(holds(bundle, "aws_s3_bucket_policy"));
    wseal_buffer_free(bundle);
    OK(wseal_storage_policy(intent, strlen(intent), WSEAL_POLICY_COMMANDS, &bundle, error));
    CHECK(holds(bundle, "aws s3api put-bucket-policy --bucket acme-weights"));
    wseal_buffer_free(bundle);

    static const char open[] = "{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:*\","
                               " \"Resource\": \"arn:aws:s3:::acme-weights/*\"}}";
    wseal_audit_options options = WSEAL_AUDIT_OPTIONS_INIT;
    options.account = "444455556666";
    OK(wseal_storage_audit(open, strlen(open), &options, &report, error));
    CHECK(holds(report, "public-access"));
    wseal_buffer_free(report);

    wseal_buffer* untouched = NULL;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_storage_policy(NULL, 0, 0, &untouched, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_storage_policy(intent, strlen(intent), 3, &untouched, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_storage_policy(intent, strlen(intent), 0, NULL, error));
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_storage_audit(open, strlen(open), NULL, NULL, error));
    options.struct_size = 1;
    EXPECT(WSEAL_INVALID_ARGUMENT, wseal_storage_audit(open, strlen(open), &options, &untouched, error));
    EXPECT(WSEAL_POLICY_NOT_JSON, wseal_storage_audit("{", 1, NULL, &untouched, error));
    EXPECT(WSEAL_NOT_A_POLICY, wseal_storage_audit("{}", 2, NULL, &untouched, error));
    CHECK(untouched == NULL);
}
