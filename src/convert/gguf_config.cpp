#include "convert/gguf_config.h"

#include <array>
#include <climits>

#include "base/text.h"
#include "checkpoint/write_config.h"

namespace mxpath::convert {
namespace {

struct IntegerKey {
  std::string_view key, other;
  int ModelConfig::*target;
};

constexpr std::array integer_keys = {
    IntegerKey{"block_count", "", &ModelConfig::layers},
    IntegerKey{"expert_count", "", &ModelConfig::experts},
    IntegerKey{"expert_used_count", "", &ModelConfig::experts_per_token},
    IntegerKey{"embedding_length", "", &ModelConfig::hidden},
    IntegerKey{"expert_feed_forward_length", "feed_forward_length", &ModelConfig::intermediate},
    IntegerKey{"attention.head_count", "", &ModelConfig::heads},
    IntegerKey{"attention.head_count_kv", "", &ModelConfig::kv_heads},
    IntegerKey{"attention.key_length", "attention.value_length", &ModelConfig::head_dim},
    IntegerKey{"context_length", "", &ModelConfig::max_positions},
    IntegerKey{"attention.sliding_window", "", &ModelConfig::sliding_window},
};

/// Reads keys under "gpt-oss." or "gptoss.".
class Keys {
 public:
  Keys(const Gguf& gguf, std::string prefix, const std::string& where)
      : gguf_(gguf), prefix_(std::move(prefix)), where_(where) {}

  const GgufValue* find(std::string_view key) const { return gguf_.find(prefix_ + std::string(key)); }
  Error wrong(std::string_view key, std::string_view wanted) const {
    return fail("{}: metadata {}{} must be {}", where_, prefix_, key, wanted);
  }
  Error missing(std::string_view key) const { return fail("{}: metadata {}{} is missing", where_, prefix_, key); }

  Result<int> integer(std::string_view key) const {
    const GgufValue* value = find(key);
    if (!value) return missing(key);
    auto number = value->as_unsigned();
    // llama.cpp may write one number per layer; gpt-oss has the same everywhere.
    if (const auto list = value->as_integers(); list && !list->empty()) {
      for (const int64_t entry : *list)
        if (entry != list->front()) return wrong(key, "the same in every layer");
      if (list->front() >= 0) number = static_cast<uint64_t>(list->front());
    }
    if (!number || *number > INT_MAX) return wrong(key, "a whole number");
    return static_cast<int>(*number);
  }

  Status number(std::string_view key, double& target) const {
    const GgufValue* value = find(key);
    if (!value) return {};
    const auto number = value->as_number();
    if (!number) return wrong(key, "a number");
    target = *number;
    return {};
  }

 private:
  const Gguf& gguf_;
  std::string prefix_;
  const std::string& where_;
};

Status read_integers(const Keys& keys, ModelConfig& config) {
  for (const auto& key : integer_keys) {
    MXPATH_TRY(const int value, keys.integer(keys.find(key.key) || key.other.empty() ? key.key : key.other));
    config.*key.target = value;
  }
  return {};
}

/// true in the list: the layer slides. A number n, llama.cpp's other form: every n-th layer does not.
Status read_sliding(const Keys& keys, ModelConfig& config) {
  constexpr std::string_view key = "attention.sliding_window_pattern";
  config.sliding.resize(static_cast<size_t>(config.layers));
  const GgufValue* value = keys.find(key);
  const auto period = value ? value->as_unsigned() : std::optional<uint64_t>(2);
  const auto list = value ? value->as_integers() : std::nullopt;
  if (list && list->size() != config.sliding.size()) return keys.wrong(key, "one value for each layer");
  if (!list && (!period || *period == 0)) return keys.wrong(key, "a list or a number of layers");
  for (size_t i = 0; i < config.sliding.size(); ++i)
    config.sliding[i] = list ? (*list)[i] != 0 : (i + 1) % *period != 0;
  return {};
}

Status read_rope(const Keys& keys, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  double original = 0;
  rope.factor = 1;
  MXPATH_CHECK(keys.number("rope.freq_base", rope.theta));
  MXPATH_CHECK(keys.number("rope.scaling.factor", rope.factor));
  MXPATH_CHECK(keys.number("rope.scaling.yarn_beta_fast", rope.beta_fast));
  MXPATH_CHECK(keys.number("rope.scaling.yarn_beta_slow", rope.beta_slow));
  MXPATH_CHECK(keys.number("rope.scaling.original_context_length", original));
  const GgufValue* type = keys.find("rope.scaling.type");
  const auto name = type ? type->as_text() : std::optional<std::string_view>(rope.factor == 1 ? "none" : "yarn");
  if (!name || (*name != "yarn" && *name != "none")) return keys.wrong("rope.scaling.type", "\"yarn\" or \"none\"");
  rope.yarn = *name == "yarn";
  if (!rope.yarn) rope.factor = 1;
  if (rope.yarn && (original < 1 || original > INT_MAX)) return keys.missing("rope.scaling.original_context_length");
  if (original >= 1 && original <= INT_MAX) rope.original_context = static_cast<int>(original);
  return {};
}

/// A double in the file may be too large or too small for the float that it becomes.
Status read_norm_eps(const Keys& keys, ModelConfig& config) {
  constexpr std::string_view key = "attention.layer_norm_rms_epsilon";
  double eps = 1e-5;
  MXPATH_CHECK(keys.number(key, eps));
  if (eps < 1e-30 || eps > 1e30) return keys.wrong(key, "from 1e-30 to 1e30");
  config.norm_eps = static_cast<float>(eps);
  return {};
}

void read_tokens(const Gguf& gguf, ModelConfig& config) {
  const auto take = [&](int64_t id) {
    if (id >= 0 && id <= INT32_MAX) config.eos.push_back(static_cast<int32_t>(id));
  };
  if (const GgufValue* ids = gguf.find("tokenizer.ggml.eos_token_ids"))
    for (const int64_t id : ids->as_integers().value_or(std::vector<int64_t>())) take(id);
  if (const GgufValue* id = gguf.find("tokenizer.ggml.eos_token_id"); id && config.eos.empty())
    if (const auto value = id->as_unsigned()) take(static_cast<int64_t>(*value));
  if (const GgufValue* id = gguf.find("tokenizer.ggml.padding_token_id"))
    if (const auto value = id->as_unsigned(); value && *value <= INT32_MAX) config.pad = static_cast<int32_t>(*value);
}

}  // namespace

Result<std::string> gguf_architecture(const Gguf& gguf, const std::string& where) {
  const GgufValue* value = gguf.find("general.architecture");
  const auto name = value ? value->as_text() : std::nullopt;
  if (!name) return fail("{}: metadata general.architecture is missing", where);
  if (*name != "gpt-oss" && *name != "gptoss")
    return fail("{}: a model of the architecture \"{}\", but mxpath converts gpt-oss only", where, printable(*name));
  return std::string(*name);
}

Result<ModelConfig> config_from_gguf(const Gguf& gguf, int vocab, bool tied, const std::string& where) {
  MXPATH_TRY(const std::string architecture, gguf_architecture(gguf, where));
  const Keys keys(gguf, architecture + ".", where);
  ModelConfig config;
  config.vocab = vocab, config.tied_embeddings = tied;
  MXPATH_CHECK(read_integers(keys, config));
  if (config.layers < 1 || config.layers > 4096) return keys.wrong("block_count", "from 1 to 4096");
  MXPATH_CHECK(read_sliding(keys, config));
  MXPATH_CHECK(read_rope(keys, config));
  MXPATH_CHECK(read_norm_eps(keys, config));
  read_tokens(gguf, config);
  // The same ranges and contradictions as for a config.json.
  if (config.heads < 1 || config.kv_heads < 1 || config.head_dim < 1)
    return keys.wrong("attention.head_count", "positive, and head_count_kv and key_length too");
  return parse_config(hub_config_json(config), where);
}

}  // namespace mxpath::convert
