#include "checkpoint/config_rope.h"

#include "base/text.h"

namespace mxpath {
namespace {

constexpr int longest_context = 1 << 24;

Status read(const Fields& fields, std::string_view name, double low, double high, double& target) {
  MXPATH_TRY(const auto value, fields.number(name, low, high));
  if (value) target = *value;
  return {};
}

/// A base of 1 or less would turn the frequencies round or divide by ln 1.
Status read_theta(const Fields& fields, double& theta) { return read(fields, "rope_theta", 1.001, 1e15, theta); }

Status check_betas(const Fields& fields, const RopeConfig& rope) {
  if (rope.beta_fast > rope.beta_slow) return {};
  return fail("{}: the rotary embedding's beta_fast is {}, but must be greater than its beta_slow, {}", fields.where(),
              rope.beta_fast, rope.beta_slow);
}

/// Variants of YaRN and of the rotary embedding that no gpt-oss model has; reading past them would compute something
/// else.
Status refuse_variants(const Fields& block) {
  for (const std::string_view name : {"mscale", "mscale_all_dim", "short_factor", "long_factor", "low_freq_factor",
                                      "high_freq_factor", "full_attention", "sliding_attention"})
    if (const Json* value = block.find(name))
      return block.wrong(name, *value, "absent: gpt-oss has one plain YaRN for all layers");
  if (const Json* partial = block.find("partial_rotary_factor"); partial && *partial != 1)
    return block.wrong("partial_rotary_factor", *partial, "1");
  return {};
}

Status read_yarn(const Fields& block, RopeConfig& rope) {
  if (!block.find("factor")) return block.missing("factor");
  MXPATH_CHECK(read(block, "factor", 1, 1e6, rope.factor));
  MXPATH_CHECK(read(block, "beta_fast", 1e-6, 1e6, rope.beta_fast));
  MXPATH_CHECK(read(block, "beta_slow", 1e-6, 1e6, rope.beta_slow));
  MXPATH_CHECK(read(block, "attention_factor", 1e-6, 1e6, rope.attention_factor));
  MXPATH_TRY(const auto original, block.integer({"original_max_position_embeddings"}, 1, longest_context));
  if (original) rope.original_context = static_cast<int>(*original);
  // transformers rounds the bounds unless told not to; gpt-oss tells it.
  MXPATH_TRY(const auto truncate, block.boolean("truncate"));
  rope.truncate = truncate.value_or(true);
  return check_betas(block, rope);
}

Status read_block(const Fields& block, RopeConfig& rope) {
  MXPATH_CHECK(refuse_variants(block));
  MXPATH_CHECK(read_theta(block, rope.theta));
  MXPATH_TRY(const Json* type, block.find_any({"rope_type", "type"}));
  if (!type) return block.missing("rope_type");
  if (*type == "yarn") return read_yarn(block, rope);
  if (*type != "default") return block.wrong("rope_type", *type, "\"yarn\" or \"default\"");
  rope.yarn = false;
  rope.factor = 1;
  return {};
}

}  // namespace

Status read_hub_rope(const Fields& fields, ModelConfig& config) {
  MXPATH_CHECK(read_theta(fields, config.rope.theta));
  MXPATH_TRY(const auto initial, fields.integer({"initial_context_length"}, 1, longest_context));
  if (initial) config.rope.original_context = static_cast<int>(*initial);
  MXPATH_TRY(const auto parameters, fields.object("rope_parameters"));
  MXPATH_TRY(const auto scaling, fields.object("rope_scaling"));
  if (parameters) MXPATH_CHECK(read_block(*parameters, config.rope));
  else if (scaling) MXPATH_CHECK(read_block(*scaling, config.rope));
  if (parameters && scaling && parameters->json() != scaling->json())
    config.remarks.push_back("config.json has both rope_parameters and rope_scaling; rope_parameters is used");
  if (initial && *initial != config.rope.original_context)
    config.remarks.push_back(
        fmt::format("initial_context_length is {}, but the rotary embedding says {}, which is used", *initial,
                    config.rope.original_context));
  return {};
}

Status read_original_rope(const Fields& fields, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  MXPATH_CHECK(read_theta(fields, rope.theta));
  MXPATH_CHECK(read(fields, "rope_scaling_factor", 1, 1e6, rope.factor));
  MXPATH_CHECK(read(fields, "rope_ntk_alpha", 1e-6, 1e6, rope.beta_slow));
  MXPATH_CHECK(read(fields, "rope_ntk_beta", 1e-6, 1e6, rope.beta_fast));
  MXPATH_TRY(const auto initial, fields.integer({"initial_context_length"}, 1, longest_context));
  if (initial) rope.original_context = static_cast<int>(*initial);
  rope.yarn = rope.factor > 1;  // OpenAI's reference scales nothing at factor 1
  const double longest = rope.original_context * rope.factor;
  if (longest > longest_context)
    return fail("{}: initial_context_length {} times rope_scaling_factor {} is over {}", fields.where(),
                rope.original_context, rope.factor, longest_context);
  config.max_positions = static_cast<int>(longest);
  return check_betas(fields, rope);
}

}  // namespace mxpath
