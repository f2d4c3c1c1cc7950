// The headers of a model, or what its config.json alone promises.
#pragma once
#include <string_view>

#include "checkpoint/locate.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// As open_manifest of the located folder; a folder with a config.json but no weights (only their index, if any) gives
/// a header-only manifest. Errors: theirs.
Result<Manifest> manifest_of(std::string_view model, const ModelPlaces& places);

}  // namespace mxpath
