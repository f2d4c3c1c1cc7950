// What the keys and values of a loaded model follow from, for files of prompts.
#pragma once
#include <string_view>

#include "engine/load.h"
#include "kv/prefix_file.h"

namespace mxpath {

/// Weights are told apart by the sizes and times of their files and by pieces of every tensor, so that neither a copy
/// with old times nor a file that was changed in one place goes unnoticed. Of the plan it is the rows that compute keys
/// and values which count: others round otherwise. `program`: the version of the program, whose kernels may have
/// changed under their names.
PrefixFileKey prefix_key(const LoadedModel& loaded, std::string_view program);

}  // namespace mxpath
