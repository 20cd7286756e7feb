#pragma once
// Credentials of a role for a web identity, as EKS gives pods: a token exchanged at AWS's Security Token Service.

#include "remote/credentials.hpp"
#include "weightseal/io/remote_source.hpp"

namespace weightseal::remote {

/// Set up by AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME. The service is that of the region, or
/// AWS_ENDPOINT_URL_STS.
[[nodiscard]] std::unique_ptr<CredentialSource> web_identity_credentials(const S3Options& options);

/// Of the service's XML. Throws `key_source_failed` without any of the text.
[[nodiscard]] Credentials credentials_of_sts(std::string_view xml);

} // namespace weightseal::remote
