// Shapes of models by name, for measurements without weights.
#pragma once
#include <string_view>

#include "checkpoint/locate.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// 20b, 120b and tiny are built in; demo is the shape of the model that ships; anything else is a config.json or a
/// folder with one. Errors: none of these (lists the names), and those of reading the config.
Result<ModelConfig> model_shape(std::string_view shape, const ModelPlaces& places);

enum class StoredExperts : uint8_t { as_config, mxfp4, bf16 };
/// The manifest of a checkpoint with that config whose experts are stored as told. Error: MXFP4, and blocks of 32 do
/// not divide the rows.
Result<Manifest> promised_manifest(ModelConfig config, StoredExperts stored, std::string_view name);

}  // namespace mxpath
