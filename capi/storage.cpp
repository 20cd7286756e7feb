// Storage: policies and their audit, as JSON.

#include "common.hpp"

#include "weightseal/storage/policy.hpp"
#include "weightseal/storage/report.hpp"

SAME(WSEAL_POLICY_BUNDLE, weightseal::storage::PolicyFormat::bundle);
SAME(WSEAL_POLICY_TERRAFORM, weightseal::storage::PolicyFormat::terraform);
SAME(WSEAL_POLICY_COMMANDS, weightseal::storage::PolicyFormat::commands);
#undef SAME

using namespace weightseal;
using namespace weightseal::capi;

extern "C" {

wseal_status wseal_storage_policy(const char* intent, size_t intent_size, uint32_t format, wseal_buffer** own_text,
                                  wseal_error* error) {
    return guarded(error, [&] {
        require(intent, own_text);
        if (format > WSEAL_POLICY_COMMANDS)
            throw Error(Errc::invalid_argument, "format", "is none that this library knows");
        *own_text = text_buffer(storage::write_policy(storage::Intent::parse({intent, intent_size}),
                                                      static_cast<storage::PolicyFormat>(format)));
    });
}

wseal_status wseal_storage_audit(const char* document, size_t document_size, const wseal_audit_options* options,
                                 wseal_buffer** own_report, wseal_error* error) {
    return guarded(error, [&] {
        require(document, own_report);
        static constexpr wseal_audit_options defaults = WSEAL_AUDIT_OPTIONS_INIT;
        const wseal_audit_options c = copy_options(options, defaults);
        storage::AuditOptions how;
        if (c.account != nullptr) how.account = c.account;
        *own_report = text_buffer(storage::report_json(storage::audit({document, document_size}, "document", how)));
    });
}

} // extern "C"
