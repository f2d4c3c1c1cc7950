// From tensors by name to tensors by role.
#pragma once
#include "base/result.h"
#include "checkpoint/inventory.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// Finds each tensor that the config promises, and checks its dtype and shape. Errors: a quantised format that mxpath
/// does not read, no gpt-oss tensor at all, a missing tensor (then `lacking` is set), a wrong dtype or shape, more
/// layers than the config says.
Result<Manifest> match_roles(Inventory inventory, ModelConfig config, bool* lacking = nullptr);

}  // namespace mxpath
