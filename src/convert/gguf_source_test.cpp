// GGUF files in llama.cpp's and Ollama's names, made from the tiny random model.
#include <gtest/gtest.h>

#include "convert/convert.h"
#include "convert/source.h"
#include "convert/tiny_gguf_for_test.h"

namespace mxpath::convert {
namespace {

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
  auto before = load_tensors(folder / "tiny/model.safetensors"),
       after = load_tensors(folder / "mxfp4/model.safetensors");
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
  EXPECT_NE(
      error_of([](GgufWriter& w) { w.add_tensor("blk.2.attn_q.bias", 0, {1}, "1234"); }).find("belongs to layer 2"),
      std::string::npos);
  EXPECT_NE(error_of([](GgufWriter& w) {
              w.add_text("gpt-oss.attention.sliding_window_pattern", "x");
            }).find("sliding_window_pattern must be"),
            std::string::npos);
  const auto other = [&](auto make) {
    GgufWriter writer;
    make(writer);
    folder.write("y.gguf", writer.file());
    return open_source(folder / "y.gguf").error().message;
  };
  EXPECT_NE(other([](GgufWriter& w) { w.add_text("general.architecture", "llama"); }).find("architecture \"llama\""),
            std::string::npos);
  EXPECT_NE(
      other([](GgufWriter& w) { w.add_text("general.architecture", "gpt-oss"); }).find("token_embd.weight is missing"),
      std::string::npos);
  EXPECT_NE(other([](GgufWriter& w) {
              w.add_text("general.architecture", "gpt-oss"),
                  w.add_tensor("token_embd.weight", 0, {2, 2}, std::string(16, '\0'));
            }).find("gpt-oss.block_count is missing"),
            std::string::npos);
}

/// Each way in which one role can have two tensors: {what the file has, what is added to it}.
TEST(GgufSource, TwoTensorsForOneRoleAreRefused) {
  TestFolder folder;
  write_tiny(folder / "tiny");
  const auto expect_refused = [&](bool fused, const std::string& there, const std::string& added, bool first) {
    TinyGguf gguf(folder / "tiny");
    gguf.fused = fused;
    gguf.file();
    gguf.writer.add_tensor(added, gguf_tensor::f32, {1}, "1234");
    folder.write("x.gguf", gguf.writer.file());
    const auto source = open_source(folder / "x.gguf");
    const std::string names = first ? added + " and " + there : there + " and " + added;
    ASSERT_FALSE(source.ok()) << names;
    EXPECT_EQ(source.error().message,
              folder / "x.gguf" + ": tensors " + names +
                  " are for the same weights, and only one of them can be the model's; take a file that has one "
                  "of them");
  };
  for (const std::string end : {".weight", ".bias"}) {
    expect_refused(false, "blk.1.ffn_gate_exps" + end, "blk.1.ffn_gate_up_exps" + end, true);
    expect_refused(true, "blk.1.ffn_gate_up_exps" + end, "blk.1.ffn_gate_exps" + end, false);
    expect_refused(true, "blk.1.ffn_gate_up_exps" + end, "blk.1.ffn_up_exps" + end, false);
    expect_refused(true, "blk.1.attn_q" + end, "blk.1.attn_qkv" + end, false);
    expect_refused(true, "blk.1.attn_output" + end, "blk.1.attn_out" + end, false);
  }
  expect_refused(true, "blk.0.attn_sinks.weight", "blk.0.attn_sinks", false);
  expect_refused(true, "blk.0.post_attention_norm.weight", "blk.0.ffn_norm.weight", false);
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
    EXPECT_NE(open_with(eps).error().message.find("layer_norm_rms_epsilon must be from 1e-30 to 1e30"),
              std::string::npos)
        << eps;
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
