// One layer whose attention sees the last eleven tokens with equal weight (queries and keys are zero), experts that add
// nothing, and a head that is solved so that each place of the script has its next token as the most likely one. The
// last eleven tokens of a prompt are always
// <|end|><|start|>assistant, letter by letter.
#include "scripted_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "base/random.h"
#include "chat/byte_level.h"

namespace mxpath {
namespace {

constexpr size_t hidden = 96, heads = 4, kv_heads = 2, head_dim = 24, window = 11, experts = 2, intermediate = 32;
constexpr double logit = 24;
const std::vector<std::string> specials = {"<|startoftext|>", "<|endoftext|>", "<|return|>",
                                           "<|constrain|>",   "<|channel|>",   "<|start|>",
                                           "<|end|>",         "<|message|>",   "<|call|>"};

using Row = std::vector<double>;
using Rows = std::vector<Row>;

uint16_t bf16(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
double rounded(double value) { return std::bit_cast<float>(uint32_t{bf16(value)} << 16); }

double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
Row times(const Rows& m, const Row& x) {
  Row out;
  for (const Row& row : m) out.push_back(dot(row, x));
  return out;
}
Row normed(Row x) {
  const double size = std::sqrt(dot(x, x) / static_cast<double>(x.size()) + 1e-5);
  for (double& v : x) v /= size;
  return x;
}

Rows random_rows(Random& random, size_t rows, size_t columns, double scale) {
  Rows out(rows, Row(columns));
  for (Row& row : out)
    for (double& v : row)
      v = rounded(scale * std::sqrt(-2 * std::log(1 - random.uniform())) *
                  std::cos(6.283185307179586 * random.uniform()));
  return out;
}

/// x of a x = b for a symmetric positive matrix, by elimination.
Rows solved(Rows a, Rows b) {
  const size_t n = a.size();
  const auto subtract = [](Row& row, const Row& other, double factor) {
    for (size_t i = 0; i < row.size(); ++i) row[i] -= factor * other[i];
  };
  for (size_t i = 0; i < n; ++i)
    for (size_t r = 0; r < n; ++r) {
      const double factor = r == i ? 0 : a[r][i] / a[i][i];
      if (factor != 0) subtract(a[r], a[i], factor), subtract(b[r], b[i], factor);
    }
  for (size_t i = 0; i < n; ++i)
    for (double& v : b[i]) v /= a[i][i];
  return b;
}

struct Vocabulary {
  Json words = Json::object();
  int first_special = 0;

  explicit Vocabulary(const std::vector<std::string>& script) {
    for (int byte = 0; byte < 256; ++byte) words[to_byte_level(std::string(1, static_cast<char>(byte)))] = byte;
    for (const std::string& text : script)
      if (std::ranges::count(specials, text) == 0 && !words.contains(to_byte_level(text)))
        words[to_byte_level(text)] = words.size();
    first_special = static_cast<int>(words.size());
  }
  int id(const std::string& text) const {
    const auto special = std::ranges::find(specials, text);
    return special == specials.end() ? words[to_byte_level(text)].get<int>()
                                     : first_special + static_cast<int>(special - specials.begin());
  }
  size_t size() const { return words.size() + specials.size(); }
};

class ScriptedWeights {
 public:
  ScriptedWeights(const Vocabulary& vocabulary, const std::vector<std::string>& script)
      : embedding(random_rows(random_, vocabulary.size(), hidden, 1)),
        value(random_rows(random_, kv_heads * head_dim, hidden, 1 / std::sqrt(hidden))),
        output(random_rows(random_, hidden, heads * head_dim, 2 / std::sqrt(heads * head_dim))),
        head(vocabulary.size(), Row(hidden)) {
    std::vector<int> context = {vocabulary.id("<|end|>"), vocabulary.id("<|start|>")};
    for (const char c : std::string("assistant")) context.push_back(vocabulary.id(std::string(1, c)));
    Rows states;
    std::vector<int> next;
    for (const std::string& text : script) {
      states.push_back(state(context));
      next.push_back(vocabulary.id(text));
      context.push_back(next.back());
    }
    solve_head(states, next);
  }

 private:
  Random random_{7};

 public:
  Rows embedding, value, output, head;

 private:
  Row state(const std::vector<int>& context) const {
    Row mean(kv_heads * head_dim), attended;
    const size_t count = std::min(window, context.size());
    for (size_t i = context.size() - count; i < context.size(); ++i) {
      const Row v = times(value, normed(embedding[static_cast<size_t>(context[i])]));
      for (size_t d = 0; d < mean.size(); ++d) mean[d] += v[d] / static_cast<double>(count);
    }
    for (size_t h = 0; h < heads; ++h)
      for (size_t d = 0; d < head_dim; ++d) attended.push_back(mean[h / (heads / kv_heads) * head_dim + d]);
    Row out = times(output, attended);
    for (size_t d = 0; d < hidden; ++d) out[d] += embedding[static_cast<size_t>(context.back())][d];
    return normed(out);
  }

  void solve_head(const Rows& states, const std::vector<int>& next) {
    const size_t n = states.size();
    Rows gram(n, Row(n)), wanted(n, Row(head.size()));
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) gram[i][j] = dot(states[i], states[j]) + (i == j ? 1e-4 : 0);
      wanted[i][static_cast<size_t>(next[i])] = logit;
    }
    const Rows x = solved(gram, wanted);
    for (size_t token = 0; token < head.size(); ++token)
      for (size_t d = 0; d < hidden; ++d) {
        double sum = 0;
        for (size_t i = 0; i < n; ++i) sum += states[i][d] * x[i][token];
        head[token][d] = rounded(sum);
      }
  }
};

/// Tensors in BF16, one after the other.
class TensorFile {
 public:
  void add(const std::string& name, const std::vector<size_t>& shape, double fill) {
    size_t count = 1;
    for (const size_t size : shape) count *= size;
    put(name, shape, Rows(1, Row(count, fill)));
  }
  void add(const std::string& name, const Rows& rows) { put(name, {rows.size(), rows[0].size()}, rows); }
  std::string bytes() const {
    const std::string text = header_.dump();
    const uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text + data_;
  }

 private:
  void put(const std::string& name, const std::vector<size_t>& shape, const Rows& rows) {
    const size_t begin = data_.size();
    for (const Row& row : rows)
      for (const double v : row) {
        const uint16_t bits = bf16(v);
        data_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
      }
    header_[name] = {{"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {begin, data_.size()}}};
  }
  Json header_ = Json::object();
  std::string data_;
};

std::string tensors_of(const ScriptedWeights& w) {
  TensorFile file;
  const std::string p = "model.layers.0.";
  file.add("model.embed_tokens.weight", w.embedding), file.add("lm_head.weight", w.head),
      file.add("model.norm.weight", {hidden}, 1);
  file.add(p + "input_layernorm.weight", {hidden}, 1), file.add(p + "post_attention_layernorm.weight", {hidden}, 1);
  file.add(p + "self_attn.q_proj.weight", {heads * head_dim, hidden}, 0),
      file.add(p + "self_attn.q_proj.bias", {heads * head_dim}, 0);
  file.add(p + "self_attn.k_proj.weight", {kv_heads * head_dim, hidden}, 0),
      file.add(p + "self_attn.k_proj.bias", {kv_heads * head_dim}, 0);
  file.add(p + "self_attn.v_proj.weight", w.value), file.add(p + "self_attn.v_proj.bias", {kv_heads * head_dim}, 0);
  file.add(p + "self_attn.o_proj.weight", w.output), file.add(p + "self_attn.o_proj.bias", {hidden}, 0);
  file.add(p + "self_attn.sinks", {heads}, -40);
  file.add(p + "mlp.router.weight", {experts, hidden}, 0), file.add(p + "mlp.router.bias", {experts}, 0);
  file.add(p + "mlp.experts.gate_up_proj", {experts, hidden, 2 * intermediate}, 0);
  file.add(p + "mlp.experts.gate_up_proj_bias", {experts, 2 * intermediate}, 0);
  file.add(p + "mlp.experts.down_proj", {experts, intermediate, hidden}, 0),
      file.add(p + "mlp.experts.down_proj_bias", {experts, hidden}, 0);
  return file.bytes();
}

Json config_of(const Vocabulary& vocabulary) {
  return {{"architectures", {"GptOssForCausalLM"}},
          {"model_type", "gpt_oss"},
          {"num_hidden_layers", 1},
          {"num_local_experts", experts},
          {"num_experts_per_tok", 1},
          {"hidden_size", hidden},
          {"intermediate_size", intermediate},
          {"num_attention_heads", heads},
          {"num_key_value_heads", kv_heads},
          {"head_dim", head_dim},
          {"vocab_size", vocabulary.size()},
          {"layer_types", {"sliding_attention"}},
          {"sliding_window", window},
          {"max_position_embeddings", 131072},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 150000},
          {"rope_scaling",
           {{"rope_type", "yarn"},
            {"factor", 4.0},
            {"beta_fast", 32.0},
            {"beta_slow", 1.0},
            {"original_max_position_embeddings", 1024},
            {"truncate", false}}},
          {"swiglu_limit", 7.0},
          {"tie_word_embeddings", false},
          {"eos_token_id", vocabulary.id("<|return|>")},
          {"pad_token_id", vocabulary.id("<|endoftext|>")}};
}

Json tokenizer_of(const Vocabulary& vocabulary) {
  Json added = Json::array();
  for (const std::string& name : specials)
    added.push_back({{"id", vocabulary.id(name)}, {"content", name}, {"special", true}});
  return {{"added_tokens", added},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary.words}, {"merges", Json::array()}}}};
}

}  // namespace

std::string write_scripted_model(const TestFolder& folder, const std::string& name,
                                 const std::vector<std::string>& script, const std::string& fatal) {
  const Vocabulary vocabulary(script);
  folder.write(name + "/config.json", config_of(vocabulary).dump());
  folder.write(name + "/tokenizer.json", tokenizer_of(vocabulary).dump());
  folder.write(name + "/generation_config.json", R"({"do_sample": false})");
  ScriptedWeights weights(vocabulary, script);
  if (!fatal.empty()) weights.embedding[static_cast<size_t>(vocabulary.id(fatal))].assign(hidden, 3e38);
  folder.write(name + "/model.safetensors", tensors_of(weights));
  return folder / name;
}

}  // namespace mxpath
