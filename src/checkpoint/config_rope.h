// The rotary embedding's part of config.json, which has been written in three ways.
#pragma once
#include "checkpoint/config.h"
#include "checkpoint/config_fields.h"

namespace mxpath {

/// rope_parameters (transformers 5, rope_theta inside), rope_scaling and rope_theta (before), or neither: then gpt-oss'
/// own YaRN values.
Status read_hub_rope(const Fields& fields, ModelConfig& config);
/// rope_scaling_factor, rope_ntk_alpha (beta_slow), rope_ntk_beta (beta_fast), initial_context_length; max_positions
/// follows from them.
Status read_original_rope(const Fields& fields, ModelConfig& config);

}  // namespace mxpath
