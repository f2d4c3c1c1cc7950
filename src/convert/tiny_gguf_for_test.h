// The tiny random model as a GGUF file in llama.cpp's or Ollama's names, for tests.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "checkpoint/gguf_writer_for_test.h"
#include "checkpoint/roles.h"
#include "checkpoint/test_folder.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {

using Values = std::vector<float>;

/// `values` as ggml stores them, and what is left of them.
struct Packed {
  std::string bytes;
  Values values;
};

inline Packed pack_q8_0(const Values& values) {
  Packed out;
  for (size_t b = 0; b < values.size(); b += 32) {
    float most = 0;
    for (size_t i = 0; i < 32; ++i) most = std::max(most, std::fabs(values[b + i]));
    const uint16_t code = encode_fp16(most / 127);
    const float scale = decode_fp16(code);
    GgufWriter::put(out.bytes, code);
    for (size_t i = 0; i < 32; ++i) {
      const auto q =
          static_cast<int8_t>(scale > 0 ? std::lround(std::clamp(values[b + i] / scale, -127.0f, 127.0f)) : 0);
      GgufWriter::put(out.bytes, q), out.values.push_back(scale * q);
    }
  }
  return out;
}

inline Packed pack_mxfp4(uint32_t type, const Values& values) {
  const NibbleOrder order = type == gguf_tensor::mxfp4 ? NibbleOrder::halves : NibbleOrder::adjacent;
  Packed out;
  for (size_t b = 0; b < values.size(); b += mxfp4_block) {
    uint8_t codes[mxfp4_block_bytes];
    float back[mxfp4_block];
    const uint8_t scale = encode_mxfp4_block(&values[b], codes, ScaleRule::ceil, order);
    decode_mxfp4_block(codes, scale, back, order);
    out.bytes += static_cast<char>(scale);
    out.bytes.append(reinterpret_cast<const char*>(codes), sizeof codes);
    out.values.insert(out.values.end(), back, back + mxfp4_block);
  }
  return out;
}

inline bool is_mxfp4_type(uint32_t type) { return type == gguf_tensor::mxfp4 || type == gguf_tensor::mxfp4_raw; }

inline Packed pack(uint32_t type, const Values& values) {
  if (type == gguf_tensor::q8_0) return pack_q8_0(values);
  if (is_mxfp4_type(type)) return pack_mxfp4(type, values);
  Packed out;
  for (const float value : values) {
    if (type == gguf_tensor::f32) GgufWriter::put(out.bytes, value);
    if (type == gguf_tensor::f16) GgufWriter::put(out.bytes, encode_fp16(value));
    if (type == gguf_tensor::bf16) GgufWriter::put(out.bytes, encode_bf16(value));
    out.values.push_back(type == gguf_tensor::f16 ? round_fp16(value) : value);
  }
  return out;
}

/// The tiny model as a GGUF file, and the values that a conversion to BF16 must find in it.
class TinyGguf {
 public:
  bool ollama = false,
       fused = false;  ///< fused: one gate_up tensor, interleaved (Ollama) or one after the other (llama.cpp)
  uint32_t expert_type = gguf_tensor::mxfp4;
  uint32_t dense_type = gguf_tensor::bf16;
  uint32_t vector_type = gguf_tensor::f32;  ///< of vectors that it divides
  std::optional<double> norm_eps;           ///< instead of the model's, as a double
  GgufWriter writer;
  std::map<std::pair<Role, int>, Values> expected;  // [experts, rows, columns]

  explicit TinyGguf(const std::string& folder) : model_(Checkpoint::open(folder).value()) {}

  std::string file() {
    add_metadata();
    for (const auto& record : model_.manifest().tensors) add(record);
    return writer.file();
  }

 private:
  void add_metadata() {
    const ModelConfig& c = model_.manifest().config;
    const std::string arch = ollama ? "gptoss" : "gpt-oss", p = arch + ".";
    writer.add_text("general.architecture", arch);
    const std::pair<const char*, int> numbers[] = {{"block_count", c.layers},
                                                   {"context_length", c.max_positions},
                                                   {"embedding_length", c.hidden},
                                                   {"feed_forward_length", c.intermediate},
                                                   {"expert_count", c.experts},
                                                   {"expert_used_count", c.experts_per_token},
                                                   {"attention.head_count", c.heads},
                                                   {"attention.head_count_kv", c.kv_heads},
                                                   {"attention.key_length", c.head_dim},
                                                   {"attention.value_length", c.head_dim},
                                                   {"attention.sliding_window", c.sliding_window},
                                                   {"rope.scaling.original_context_length", c.rope.original_context}};
    for (const auto& [key, value] : numbers) writer.add_u32(p + key, static_cast<uint32_t>(value));
    if (norm_eps) writer.add_f64(p + "attention.layer_norm_rms_epsilon", *norm_eps);
    else writer.add_f32(p + "attention.layer_norm_rms_epsilon", c.norm_eps);
    writer.add_f32(p + "rope.freq_base", static_cast<float>(c.rope.theta));
    writer.add_f32(p + "rope.scaling.factor", static_cast<float>(c.rope.factor));
    if (!ollama) writer.add_text(p + "rope.scaling.type", "yarn");
    if (ollama) writer.add_i32s("tokenizer.ggml.eos_token_ids", {199, 202, 212});
    else writer.add_u32("tokenizer.ggml.eos_token_id", 202);
  }

  Values all_values(const TensorRecord& record) const {
    Values out, row(static_cast<size_t>(record.columns));
    for (int e = 0; e < record.experts; ++e)
      for (int64_t r = 0; r < record.rows; ++r)
        model_.decode_row(record, e, r, row), out.insert(out.end(), row.begin(), row.end());
    return out;
  }

  std::string name_of_role(const TensorRecord& r) const {
    const auto layer = [&](std::string_view rest) { return fmt::format("blk.{}.{}", r.layer, rest); };
    switch (r.role) {
      case Role::embedding: return "token_embd.weight";
      case Role::final_norm: return "output_norm.weight";
      case Role::head: return "output.weight";
      case Role::attention_norm: return layer("attn_norm.weight");
      case Role::q_weight: return layer("attn_q.weight");
      case Role::q_bias: return layer("attn_q.bias");
      case Role::k_weight: return layer("attn_k.weight");
      case Role::k_bias: return layer("attn_k.bias");
      case Role::v_weight: return layer("attn_v.weight");
      case Role::v_bias: return layer("attn_v.bias");
      case Role::o_weight: return layer(ollama ? "attn_out.weight" : "attn_output.weight");
      case Role::o_bias: return layer(ollama ? "attn_out.bias" : "attn_output.bias");
      case Role::sinks: return layer(ollama ? "attn_sinks" : "attn_sinks.weight");
      case Role::mlp_norm: return layer(ollama ? "ffn_norm.weight" : "post_attention_norm.weight");
      case Role::router_weight: return layer("ffn_gate_inp.weight");
      case Role::router_bias: return layer("ffn_gate_inp.bias");
      case Role::gate_up_weight: return layer("ffn_gate_up_exps.weight");
      case Role::gate_up_bias: return layer("ffn_gate_up_exps.bias");
      case Role::down_weight: return layer("ffn_down_exps.weight");
      case Role::down_bias: return layer("ffn_down_exps.bias");
    }
    return "";
  }

  void add(const TensorRecord& record) {
    const bool vector = record.columns == 1, expert = row_of(record.role).expert_matrix();
    const bool gate_up = record.role == Role::gate_up_weight || record.role == Role::gate_up_bias;
    const uint32_t type = vector ? type_of_vector(record, gate_up) : expert ? expert_type : dense_type;
    const Values values = all_values(record);
    if (vector && gate_up && gguf_block(type)->elements > 1) return add_gate_up_bias(record, type, values);
    const Packed packed =
        expert && is_mxfp4_type(type) ? Packed{pack_blocks(record, type), values} : pack(type, values);
    expected[{record.role, record.layer}] = packed.values;
    std::vector<uint64_t> shape = {static_cast<uint64_t>(record.rows)};
    if (row_of(record.role).per_expert) shape.insert(shape.begin(), static_cast<uint64_t>(record.experts));
    if (!vector) shape.push_back(static_cast<uint64_t>(record.columns));
    const std::string name = name_of_role(record);
    const size_t row_size = packed.bytes.size() / static_cast<size_t>(record.experts * record.rows);
    if (!gate_up || (fused && ollama)) return writer.add_tensor(name, type, shape, packed.bytes);
    const std::string even = half(packed.bytes, row_size, 0), odd = half(packed.bytes, row_size, 1);
    if (fused)
      return writer.add_tensor(name, type, shape, one_after_the_other(even, odd, static_cast<size_t>(record.experts)));
    shape[1] /= 2;
    std::string gate = name, up = name;
    writer.add_tensor(gate.replace(name.find("gate_up"), 7, "gate"), type, shape, even);
    writer.add_tensor(up.replace(name.find("gate_up"), 7, "up"), type, shape, odd);
  }

  uint32_t type_of_vector(const TensorRecord& record, bool gate_up) const {
    const auto stored = static_cast<uint64_t>(record.rows) / (gate_up && !fused ? 2 : 1);
    return stored % gguf_block(vector_type)->elements ? gguf_tensor::f32 : vector_type;
  }

  /// The elements take their places first and become blocks then: 32 of them share a scale.
  void add_gate_up_bias(const TensorRecord& record, uint32_t type, const Values& values) {
    const size_t rows = static_cast<size_t>(record.rows), half_rows = rows / 2, experts = values.size() / rows;
    const auto add_part = [&](const std::string& part, size_t first, size_t count,
                              auto element) {  // element: stored row to model row
      Values stored;
      for (size_t e = 0; e < experts; ++e)
        for (size_t r = first; r < first + count; ++r) stored.push_back(values[e * rows + element(r)]);
      const Packed packed = pack(type, stored);
      Values& want = expected[{record.role, record.layer}];
      want.resize(values.size());
      for (size_t e = 0; e < experts; ++e)
        for (size_t r = 0; r < count; ++r) want[e * rows + element(first + r)] = packed.values[e * count + r];
      writer.add_tensor(fmt::format("blk.{}.ffn_{}_exps.bias", record.layer, part), type, {experts, count},
                        packed.bytes);
    };
    const auto in_halves = [&](size_t r) { return r < half_rows ? 2 * r : 2 * (r - half_rows) + 1; };
    if (fused && ollama) return add_part("gate_up", 0, rows, [](size_t r) { return r; });
    if (fused) return add_part("gate_up", 0, rows, in_halves);
    add_part("gate", 0, half_rows, in_halves);
    add_part("up", half_rows, half_rows, in_halves);
  }

  static std::string half(const std::string& rows, size_t row_size, size_t odd) {
    std::string out;
    for (size_t at = odd * row_size; at < rows.size(); at += 2 * row_size) out += rows.substr(at, row_size);
    return out;
  }
  static std::string one_after_the_other(const std::string& gate, const std::string& up, size_t experts) {
    std::string out;
    const size_t each = gate.size() / experts;
    for (size_t e = 0; e < experts; ++e) out += gate.substr(e * each, each) + up.substr(e * each, each);
    return out;
  }

  std::string pack_blocks(const TensorRecord& record, uint32_t type) const {
    std::string out;
    const auto codes = model_.data(record), scales = model_.scales(record);
    for (size_t b = 0; b < scales.size(); ++b) {
      uint8_t block[16];
      repack_mxfp4_block(&codes[b * 16], NibbleOrder::adjacent, block,
                         type == gguf_tensor::mxfp4 ? NibbleOrder::halves : NibbleOrder::adjacent);
      out += static_cast<char>(scales[b]);
      out.append(reinterpret_cast<const char*>(block), 16);
    }
    return out;
  }

  Checkpoint model_;
};

inline void expect_values(const std::string& folder, const TinyGguf& gguf) {
  const auto checkpoint = Checkpoint::open(folder);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  for (const auto& record : checkpoint->manifest().tensors) {
    const Values& want = gguf.expected.at({record.role, record.layer});
    Values row(static_cast<size_t>(record.columns));
    size_t at = 0;
    for (int e = 0; e < record.experts; ++e)
      for (int64_t r = 0; r < record.rows; ++r) {
        checkpoint->decode_row(record, e, r, row);
        for (const float value : row) ASSERT_EQ(value, round_bf16(want[at++])) << record.name << ' ' << e << ' ' << r;
      }
  }
}

}  // namespace mxpath::convert
