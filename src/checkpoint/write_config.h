// config.json from a ModelConfig.
#pragma once
#include <string>

#include "base/result.h"
#include "checkpoint/config.h"

namespace mxpath {

/// A Hugging Face config.json that parse_config reads back to the same config; quantization_config as the config says.
std::string hub_config_json(const ModelConfig& config);

/// OpenAI's original/config.json, which says less. Error: a value that it has no field for (layer types that do not
/// alternate, another norm eps, tied embeddings, …).
Result<std::string> original_config_json(const ModelConfig& config);

}  // namespace mxpath
