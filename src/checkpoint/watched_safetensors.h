// Writing a safetensors file while somebody looks on.
#pragma once
#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "checkpoint/new_file.h"
#include "checkpoint/safetensors.h"

namespace mxpath {

/// Writes as write_safetensors of safetensors.h does. `watch.written` sees the header and every tensor that has `data`.
Status write_safetensors(const std::string& path, std::span<const SafetensorsItem> items,
                         const std::map<std::string, std::string>& metadata, WriteWatch watch);

}  // namespace mxpath
