// What config.json says a model is.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// The rotary embedding: YaRN as in GPT_OSS (docs/numerics.md §rope), or plain when factor is 1 and yarn is false.
struct RopeConfig {
  bool yarn = true;
  double theta = 150000;
  double factor = 32;
  double beta_fast = 32, beta_slow = 1;
  int original_context = 4096;
  bool truncate = false;        ///< true: low and high bounds rounded to integers before the ramp
  double attention_factor = 0;  ///< 0: computed, 0.1 ln(factor) + 1
};

/// The dimensions of a gpt-oss model; any that config.json gives, not only the two public ones.
struct ModelConfig {
  int layers = 0;
  int experts = 0;  ///< experts in each layer
  int experts_per_token = 0;
  int hidden = 0;               ///< H
  int intermediate = 0;         ///< I, of one expert
  int heads = 0, kv_heads = 0;  ///< query heads, key/value heads; heads is a multiple of kv_heads
  int head_dim = 0;             ///< even; heads * head_dim need not be hidden
  int vocab = 0;                ///< rows of the embedding and of the head
  int max_positions = 131072;
  int sliding_window = 128;   ///< keys a sliding layer sees, the token itself included
  std::vector<bool> sliding;  ///< [layers] true: sliding window, false: all earlier positions
  float norm_eps = 1e-5f;
  float swiglu_limit = 7.0f, swiglu_alpha = 1.702f;
  RopeConfig rope;
  bool tied_embeddings = false;  ///< the head is the embedding matrix
  bool quantized_mxfp4 = false;  ///< config.json carries quantization_config with quant_method mxfp4
  std::vector<int32_t> eos;      ///< eos_token_id, one or several; may be empty
  int32_t pad = -1;
  std::vector<std::string> remarks;  ///< what is odd about the file though it can be read; one sentence each

  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
};

/// Reads a Hugging Face config.json (rope_scaling or rope_parameters; newer and older names of a field) or OpenAI's
/// original/config.json (recognised by its own field names). `where` starts each error. Errors: not gpt_oss, a missing
/// or wrong-typed field, a value out of range, values that contradict each other; every one names the field and the
/// value.
Result<ModelConfig> parse_config(std::string_view json, std::string_view where);

/// The text of a config.json. Errors: those of read_text_file; a file so large that it is something else.
Result<std::string> read_config_text(const std::string& path);

/// parse_config of a file.
Result<ModelConfig> read_config_file(const std::string& path);

}  // namespace mxpath
