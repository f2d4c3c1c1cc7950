// The name of the JSON type, for headers that only hand it on: the whole library costs seconds in every file that
// includes it.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace mxpath {

/// Keeps the order of keys, so that what mxpath writes reads as it was meant.
using Json = nlohmann::ordered_json;

}  // namespace mxpath
