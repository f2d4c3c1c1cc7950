// Checkpoint formats that mxpath does not read, told by what gives them away.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "checkpoint/inventory.h"

namespace mxpath {

/// What a checkpoint of another kind is and the way out, as the end of a sentence ("holds GPTQ or AWQ weights (tensor
/// …); …"); nothing if there is no sign of one. From a tensor's name, the headers of all files, and a config.json.
std::optional<std::string> foreign_tensor(std::string_view name);
std::optional<std::string> foreign_headers(const Inventory& inventory);
std::optional<std::string> foreign_config(const Json& config);

/// Whether these tensors are those of a LoRA adapter, and no model is among them.
bool is_adapter(const SafetensorsHeader& header);

}  // namespace mxpath
