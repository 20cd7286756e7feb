/* weightseal: storage. Part of weightseal.h, which has the conventions and includes this.
 *
 * Documents that shut a bucket for everyone but those who are named, and the proof that documents do. Both calls take
 * and give JSON texts, read no file and no network, and are pure functions of what they are given. */
#ifndef WEIGHTSEAL_STORAGE_H
#define WEIGHTSEAL_STORAGE_H

#ifndef WEIGHTSEAL_H
#error "include weightseal.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wseal_policy_format {
    WSEAL_POLICY_BUNDLE = 0,    /**< one JSON object: the intent, the documents, explanations */
    WSEAL_POLICY_TERRAFORM = 1, /**< Terraform's JSON syntax */
    WSEAL_POLICY_COMMANDS = 2   /**< a script of calls of aws, gcloud or az */
} wseal_policy_format;

/** Writes the documents that fulfil an intent, a JSON object:
 *
 *      {"provider": "aws", "bucket": "acme-weights", "prefix": "models/", "region": "eu-central-1",
 *       "readers": ["arn:aws:iam::111122223333:role/inference#AROA..."], "publishers": [], "break_glass": [],
 *       "administrators": [], "vpc_endpoints": [], "account": "111122223333", "partition": "aws", "key": "arn:..."}
 *
 *  of which only "bucket" and "readers" are required. Free the text with wseal_buffer_free; it has no terminator. */
WSEAL_API wseal_status wseal_storage_policy(const char* intent, size_t intent_size, uint32_t format,
                                            wseal_buffer** own_text, wseal_error* error);

typedef struct wseal_audit_options {
    size_t struct_size;
    const char* account; /**< owner of the bucket where the document does not tell; NULL: the first account it names */
} wseal_audit_options;
#define WSEAL_AUDIT_OPTIONS_INIT                                                                                       \
    { sizeof(wseal_audit_options), NULL }

/** Audits a bundle, a bucket or key policy of AWS, or the output of `terraform show -json`. The report is a JSON object
 *  with "version": 1, "findings" and what was not checked. Findings are no error: WSEAL_OK. `options` may be NULL. */
WSEAL_API wseal_status wseal_storage_audit(const char* document, size_t document_size,
                                           const wseal_audit_options* options, wseal_buffer** own_report,
                                           wseal_error* error);

#ifdef __cplusplus
}
#endif

#endif
