// GGUF files in llama.cpp's and Ollama's names, made from the tiny random model.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/text.h"
#include "checkpoint/gguf_writer_for_test.h"
#include "checkpoint/roles.h"
#include "checkpoint/test_folder.h"
#include "convert/convert.h"
#include "convert/gguf_config.h"
#include "convert/source.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

using Values = std::vector<float>;

/// `values` as ggml stores them, and what is left of them.
struct Packed {
  std::string bytes;
  Values values;
};

Packed pack_q8_0(const Values& values) {
  Packed out;
  for (size_t b = 0; b < values.size(); b += 32) {
    float most = 0;
    for (size_t i = 0; i < 32; ++i) most = std::max(most, std::fabs(values[b + i]));
    const uint16_t code = encode_fp16(most / 127);
    const float scale = decode_fp16(code);
    GgufWriter::put(out.bytes, code);
    for (size_t i = 0; i < 32; ++i) {
      const auto q = static_cast<int8_t>(scale > 0 ? std::lround(std::clamp(values[b + i] / scale, -127.0f, 127.0f)) : 0);
      GgufWriter::put(out.bytes, q), out.values.push_back(scale * q);
    }
  }
  return out;
}

Packed pack(uint32_t type, const Values& values) {
  if (type == gguf_tensor::q8_0) return pack_q8_0(values);
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
  bool ollama = false, fused = false;  ///< fused: one gate_up tensor, interleaved (Ollama) or one after the other (llama.cpp)
  uint32_t expert_type = gguf_tensor::mxfp4;
  uint32_t dense_type = gguf_tensor::bf16;
  std::optional<double> norm_eps;  ///< instead of the model's, as a double
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
      for (int64_t r = 0; r < record.rows; ++r) model_.decode_row(record, e, r, row), out.insert(out.end(), row.begin(), row.end());
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
    const uint32_t type = vector ? gguf_tensor::f32 : expert ? expert_type : dense_type;
    const bool blocks = type == gguf_tensor::mxfp4 || type == gguf_tensor::mxfp4_raw;
    const Values values = all_values(record);
    const Packed packed = blocks ? Packed{pack_blocks(record, type), values} : pack(type, values);
    expected[{record.role, record.layer}] = packed.values;
    std::vector<uint64_t> shape = {static_cast<uint64_t>(record.rows)};
    if (row_of(record.role).per_expert) shape.insert(shape.begin(), static_cast<uint64_t>(record.experts));
    if (!vector) shape.push_back(static_cast<uint64_t>(record.columns));
    const std::string name = name_of_role(record);
    const bool gate_up = record.role == Role::gate_up_weight || record.role == Role::gate_up_bias;
    const size_t row_size = packed.bytes.size() / static_cast<size_t>(record.experts * record.rows);
    if (!gate_up || (fused && ollama)) return writer.add_tensor(name, type, shape, packed.bytes);
    const std::string even = half(packed.bytes, row_size, 0), odd = half(packed.bytes, row_size, 1);
    if (fused) return writer.add_tensor(name, type, shape, one_after_the_other(even, odd, static_cast<size_t>(record.experts)));
    shape[1] /= 2;
    std::string gate = name, up = name;
    writer.add_tensor(gate.replace(name.find("gate_up"), 7, "gate"), type, shape, even);
    writer.add_tensor(up.replace(name.find("gate_up"), 7, "up"), type, shape, odd);
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

void expect_values(const std::string& folder, const TinyGguf& gguf) {
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

struct Case {
  const char* name;
  bool ollama, fused;
  uint32_t experts, dense;
};

class GgufCases : public testing::TestWithParam<Case> {};

TEST_P(GgufCases, ToEveryLayout) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  TinyGguf gguf(folder / "tiny");
  gguf.ollama = GetParam().ollama, gguf.fused = GetParam().fused;
  gguf.expert_type = GetParam().experts, gguf.dense_type = GetParam().dense;
  folder.write("gguf/sha256-abc", gguf.file());  // as Ollama names its files
  const bool blocks = gguf.expert_type == gguf_tensor::mxfp4 || gguf.expert_type == gguf_tensor::mxfp4_raw;
  for (const char* target : {"bf16", "mxfp4", "original"}) {
    ConvertOptions options;
    options.target = *parse_target(target);
    const auto report = convert(folder / "gguf/sha256-abc", folder / target, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_NE(to_text(*report).find("GGUF, architecture"), std::string::npos);
    EXPECT_NE(to_text(*report).find("built-in"), std::string::npos);
    // Experts of Q8_0 and F16 lose on their way to MXFP4: only BF16 can be compared.
    if (blocks || options.target == CheckpointLayout::hugging_face_bf16) expect_values(folder / target, gguf);
  }
  if (!blocks) return;
  // The very blocks and scales of the model that the file was made from.
  auto before = load_tensors(folder / "tiny/model.safetensors"), after = load_tensors(folder / "mxfp4/model.safetensors");
  for (const auto& tensor : before)
    EXPECT_TRUE(tensor.dtype != Dtype::u8 || tensor_named(after, tensor.name).bytes == tensor.bytes) << tensor.name;
}

INSTANTIATE_TEST_SUITE_P(Files, GgufCases,
                         testing::Values(Case{"llama_cpp", false, false, gguf_tensor::mxfp4, gguf_tensor::bf16},
                                         Case{"llama_cpp_q8_0", false, false, gguf_tensor::mxfp4, gguf_tensor::q8_0},
                                         Case{"llama_cpp_fused", false, true, gguf_tensor::mxfp4, gguf_tensor::f16},
                                         Case{"all_f16", false, false, gguf_tensor::f16, gguf_tensor::f16},
                                         Case{"all_f32", false, false, gguf_tensor::f32, gguf_tensor::f32},
                                         Case{"all_q8_0", false, false, gguf_tensor::q8_0, gguf_tensor::q8_0},
                                         Case{"ollama", true, true, gguf_tensor::mxfp4_raw, gguf_tensor::bf16},
                                         Case{"ollama_split", true, false, gguf_tensor::mxfp4, gguf_tensor::bf16}),
                         [](const auto& of) { return std::string(of.param.name); });

TEST(GgufSource, ConfigComesFromTheMetadata) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  for (const bool ollama : {false, true}) {
    TinyGguf gguf(folder / "tiny");
    gguf.ollama = ollama;
    const std::string path = folder / (ollama ? "o.gguf" : "l.gguf");
    folder.write(ollama ? "o.gguf" : "l.gguf", gguf.file());
    const auto source = open_source(path);
    ASSERT_TRUE(source.ok()) << source.error().message;
    const ModelConfig want = open_manifest(folder / "tiny")->config, &have = source->config;
    EXPECT_EQ(have.layers, want.layers);
    EXPECT_EQ(have.sliding, want.sliding);
    EXPECT_EQ(have.kv_heads, want.kv_heads);
    EXPECT_EQ(have.vocab, want.vocab);
    EXPECT_EQ(have.norm_eps, want.norm_eps);
    EXPECT_TRUE(have.rope.yarn);
    EXPECT_FALSE(have.rope.truncate);
    EXPECT_EQ(have.rope.factor, want.rope.factor);
    EXPECT_EQ(have.rope.theta, want.rope.theta);
    EXPECT_EQ(have.max_positions, want.max_positions);
    EXPECT_EQ(have.eos, ollama ? (std::vector<int32_t>{199, 202, 212}) : std::vector<int32_t>{202});
    EXPECT_FALSE(have.tied_embeddings);
  }
}

TEST(GgufSource, PartsAndFoldersAreFound) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  TinyGguf gguf(folder / "tiny");
  folder.write("g/m-00001-of-00002.gguf", gguf.file());
  GgufWriter second;
  second.add_tensor("rope_freqs.weight", 0, {1}, "1234");
  folder.write("g/m-00002-of-00002.gguf", second.file());
  const auto source = open_source(folder / "g");
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_EQ(source->files.size(), 2u);
  ASSERT_EQ(source->remarks.size(), 1u);
  EXPECT_NE(source->remarks[0].find("rope_freqs.weight"), std::string::npos);
  std::filesystem::remove(folder / "g/m-00002-of-00002.gguf");
  EXPECT_NE(open_source(folder / "g").error().message.find("00002-of-00002.gguf: no such file"), std::string::npos);
}

TEST(GgufSource, Refusals) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  const auto error_of = [&](auto change) {
    TinyGguf gguf(folder / "tiny");
    gguf.file();
    change(gguf.writer);
    folder.write("x.gguf", gguf.writer.file());
    const auto source = open_source(folder / "x.gguf");
    return source.ok() ? "no error" : source.error().message;
  };
  EXPECT_EQ(error_of([](GgufWriter&) {}), "no error");
  EXPECT_NE(error_of([](GgufWriter& w) { w.add_tensor("blk.2.attn_q.bias", 0, {1}, "1234"); }).find("belongs to layer 2"),
            std::string::npos);
  EXPECT_NE(
      error_of([](GgufWriter& w) { w.add_text("gpt-oss.attention.sliding_window_pattern", "x"); }).find("sliding_window_pattern must be"),
      std::string::npos);
  const auto other = [&](auto make) {
    GgufWriter writer;
    make(writer);
    folder.write("y.gguf", writer.file());
    return open_source(folder / "y.gguf").error().message;
  };
  EXPECT_NE(other([](GgufWriter& w) { w.add_text("general.architecture", "llama"); }).find("architecture \"llama\""), std::string::npos);
  EXPECT_NE(other([](GgufWriter& w) { w.add_text("general.architecture", "gpt-oss"); }).find("token_embd.weight is missing"),
            std::string::npos);
  EXPECT_NE(other([](GgufWriter& w) {
              w.add_text("general.architecture", "gpt-oss"), w.add_tensor("token_embd.weight", 0, {2, 2}, std::string(16, '\0'));
            }).find("gpt-oss.block_count is missing"),
            std::string::npos);
}

TEST(GgufSource, NormEpsIsAFloat) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  const auto open_with = [&](double eps) {
    TinyGguf gguf(folder / "tiny");
    gguf.norm_eps = eps;
    folder.write("x.gguf", gguf.file());
    return open_source(folder / "x.gguf");
  };
  EXPECT_EQ(open_with(1e-6)->config.norm_eps, 1e-6f);
  // 1e300 is finite as a double and infinite as a float.
  for (const double eps : {1e300, -1e300, 1e-300, 0.0, -1e-5})
    EXPECT_NE(open_with(eps).error().message.find("layer_norm_rms_epsilon must be from 1e-30 to 1e30"), std::string::npos) << eps;
}

TEST(GgufSource, QuantisedTypesAreNamed) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  TinyGguf gguf(folder / "tiny");
  std::string file = gguf.file();
  const size_t at = file.find("token_embd.weight") + 17 + 4 + 16;
  file[at] = 20;  // IQ4_NL, smaller than BF16
  folder.write("x.gguf", file);
  const auto source = open_source(folder / "x.gguf");
  ASSERT_FALSE(source.ok());
  EXPECT_NE(source.error().message.find("token_embd.weight is IQ4_NL"), std::string::npos) << source.error().message;
}

}  // namespace
}  // namespace mxpath::convert
