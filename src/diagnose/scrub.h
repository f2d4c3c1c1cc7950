// Removes what identifies a person or a machine from text that is to be shared.
#pragma once
#include <string>
#include <string_view>

#include "base/json_fwd.h"

namespace mxpath::diagnose {

/// What is known to be private on this machine; any may be empty.
struct Private {
  std::string user, home, host;
};
/// Reads USER, HOME and the host name of this process.
Private private_of_process();

/// Home paths become ~, user names <user>, host names <host>, e-mail addresses <email>, IP addresses <ip>, access
/// tokens and passwords <secret>, GPU UUIDs and serial numbers <id>. Idempotent.
std::string scrub(std::string_view text, const Private& known);
/// The same for every string (and key) of a document.
Json scrub_json(const Json& json, const Private& known);

}  // namespace mxpath::diagnose
