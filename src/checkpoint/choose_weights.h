// Which of a folder's weight files are the model.
#pragma once
#include "base/result.h"
#include "checkpoint/inventory.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// Takes the tensors of a model from the files of its folder: those that the index names, each where it says so. If the
/// index and the files do not agree, or there is none that can be read, those files are taken that hold every tensor of
/// this config, once each and of the right shape: all of them together, or one set of shards; Manifest::decisions says
/// so. Errors: as match_roles; no whole model, with the files that are missing; two whole models.
Result<Manifest> choose_weights(const std::string& folder, const std::vector<std::string>& names,
                                const ModelConfig& config);

}  // namespace mxpath
