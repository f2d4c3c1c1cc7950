// Who may ask: keys, Host and Origin, content type. Pure, but for the name of this computer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/http.h"

namespace mxpath::http {

struct AccessRules {
  std::vector<std::string> keys;     ///< none: everybody may ask
  std::vector<std::string> open;     ///< paths that need no key: "/health", "/v1/health", "/livez", "/readyz", "/"
  std::vector<std::string> hosts;    ///< names that Host may have besides loopback names and addresses; "*": any
  std::vector<std::string> origins;  ///< of other sites that browsers may ask from (--cors-origin); "*": any
  bool loopback = true;              ///< listens there alone: Host must be one of loopback's or of `hosts`. Else
                                     ///< addresses, this computer's own name, and with a right key any name pass too
};

/// Why a request is not let in.
struct Refusal {
  int status = 403;
  std::string sentence, code;
};

struct Access {
  std::optional<Refusal> refusal;
  std::string key;                 ///< the caller's key, or "" where none is needed; never to be logged
  Headers headers;                 ///< CORS headers for the answer
  std::optional<Reply> preflight;  ///< the answer to an OPTIONS request of a browser
};

/// Keys are compared in constant time. A foreign Host is 403 (DNS rebinding), a foreign Origin is 403, none is fine. A
/// body whose content type is not application/json is 415 (a form cannot be sent from a foreign page). A missing or
/// wrong key is 401.
Access check_access(const Request& request, const AccessRules& rules);

/// Whether an origin of the rules can match what browsers send: "https://NAME", "http://NAME:PORT", or "*". Errors:
/// anything else, with what to give.
Status check_origin_rule(std::string_view rule);

/// Whether a host to listen on is loopback: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host);

}  // namespace mxpath::http
