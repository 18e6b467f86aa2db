// Credentials as the services that give them write them down. Texts come from elsewhere: any may be
// anything. Errors name what is wrong with one, and show none of it.
#pragma once

#include <string>
#include <string_view>

#include "sagabus/aws/credentials.hpp"

namespace sagabus::aws {

// {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration"}, as the container's
// and the instance's services and a credential_process give it. Throws AccessDenied for one with a
// "Code" other than "Success" or a "Version" other than 1, and TransientError for any other text.
// An error shows nothing of what was `sent` in secret.
Credentials parse_credentials(std::string_view json, const Credentials& sent);

// The same ones. Throws TransientError where they never end, as those of a service must.
Credentials require_end(Credentials credentials);

// {"roleCredentials": {"accessKeyId", ..., "expiration" in milliseconds}}, as SSO gives it.
Credentials parse_role_credentials(std::string_view json);

// The Credentials element of what STS answers. Throws TransientError where there is none.
Credentials parse_sts_credentials(std::string_view xml);

// "<Code>: <Message>" of an error of STS, of SSO, or of the container's service; empty where the
// text is none. One short line without what was sent in secret, which a service may repeat: it
// shows what it has signed.
std::string error_text(std::string_view body, const Credentials& sent);

}  // namespace sagabus::aws
