// Vectors in types whose values share a scale: one row of blocks, whatever the model reads as a row.
#include <gtest/gtest.h>

#include "convert/convert.h"
#include "convert/source.h"
#include "convert/tiny_gguf_for_test.h"

namespace mxpath::convert {
namespace {

/// Every vector of the model is a multiple of 32 long: sinks and router bias too.
ModelConfig with_long_vectors() {
  ModelConfig config = tiny_config();
  config.heads = 32, config.kv_heads = 16, config.head_dim = 2;
  config.experts = 32;
  return config;
}

void write_model(const std::string& folder, const ModelConfig& config,
                 CheckpointLayout layout = CheckpointLayout::hugging_face_bf16) {
  RandomCheckpoint what;
  what.config = config, what.layout = layout;
  const auto status = write_random_checkpoint(folder, what);
  ASSERT_TRUE(status.ok()) << status.error().message;
}

void expect_converts(const TestFolder& folder, TinyGguf& gguf, const std::string& name) {
  folder.write(name + ".gguf", gguf.file());
  for (const char* target : {"bf16", "mxfp4", "original"}) {
    ConvertOptions options;
    options.target = *parse_target(target), options.threads = 2;
    const std::string to = folder / (name + "-" + target);
    const auto report = convert(folder / (name + ".gguf"), to, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    if (options.target == CheckpointLayout::hugging_face_bf16 || is_mxfp4_type(gguf.expert_type))
      expect_values(to, gguf);
  }
}

struct Case {
  const char* name;
  bool ollama, fused;
  uint32_t vectors, dense;
};
class GgufVectors : public testing::TestWithParam<Case> {};

/// Biases, norms, sinks, the router's and the experts' biases: with the values that the blocks hold, no zeros and
/// nothing beyond an end.
TEST_P(GgufVectors, InBlocksKeepTheirValues) {
  TestFolder folder;
  write_model(folder / "model", with_long_vectors(), CheckpointLayout::hugging_face_mxfp4);
  TinyGguf gguf(folder / "model");
  gguf.ollama = GetParam().ollama, gguf.fused = GetParam().fused;
  gguf.vector_type = GetParam().vectors, gguf.dense_type = GetParam().dense;
  expect_converts(folder, gguf, "a");
}

INSTANTIATE_TEST_SUITE_P(Types, GgufVectors,
                         testing::Values(Case{"q8_0", false, false, gguf_tensor::q8_0, gguf_tensor::q8_0},
                                         Case{"q8_0_fused", false, true, gguf_tensor::q8_0, gguf_tensor::f16},
                                         Case{"mxfp4", false, false, gguf_tensor::mxfp4, gguf_tensor::mxfp4},
                                         Case{"mxfp4_fused", false, true, gguf_tensor::mxfp4, gguf_tensor::f32},
                                         Case{"ollama", true, true, gguf_tensor::mxfp4_raw, gguf_tensor::mxfp4_raw},
                                         Case{"ollama_split", true, false, gguf_tensor::mxfp4_raw, gguf_tensor::bf16},
                                         Case{"f16", false, false, gguf_tensor::f16, gguf_tensor::q8_0},
                                         Case{"bf16", true, true, gguf_tensor::bf16, gguf_tensor::f32}),
                         [](const auto& of) { return std::string(of.param.name); });

/// Up begins in the middle of a block: 48 of 96.
TEST(GgufVector, UpBeginsInsideABlock) {
  TestFolder folder;
  ModelConfig config = with_long_vectors();
  config.intermediate = 48;
  write_model(folder / "model", config);
  for (const uint32_t type : {gguf_tensor::q8_0, gguf_tensor::mxfp4}) {
    TinyGguf gguf(folder / "model");
    gguf.fused = true, gguf.expert_type = gguf_tensor::f32, gguf.vector_type = type;
    const std::string name = gguf_tensor_type_name(type);
    folder.write(name + ".gguf", gguf.file());
    ConvertOptions options;
    options.target = CheckpointLayout::hugging_face_bf16;
    const auto report = convert(folder / (name + ".gguf"), folder / name, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    expect_values(folder / name, gguf);
  }
}

std::string bytes_of_floats(const Values& values) { return pack(gguf_tensor::f32, values).bytes; }

/// q 16, k 8 and v 8 of one block of 32; a matrix with one column, which is a vector to a file.
TEST(GgufVector, PartsAndExpertsThatShareABlock) {
  std::string file(34, '\0');
  const uint16_t one = encode_fp16(1);
  std::memcpy(file.data(), &one, 2);
  for (size_t i = 0; i < 32; ++i) file[2 + i] = static_cast<char>(i - 16);
  SourceTensor k;
  k.rows = 8, k.columns = 1;
  StoredRows piece;
  piece.stored = Stored::q8_0, piece.data = reinterpret_cast<const uint8_t*>(file.data()), piece.first_row = 16,
  piece.expert_rows = 32;
  k.pieces = {piece};
  const auto value = [](const SourceTensor& tensor, size_t expert, size_t row) {
    float element = 0;
    tensor.read_row(expert, row, &element);
    return element;
  };
  for (size_t r = 0; r < 8; ++r) EXPECT_EQ(value(k, 0, r), float(r));
  SourceTensor experts;  // [4, 8, 1]
  experts.experts = 4, experts.rows = 8;
  piece.first_row = 0, piece.expert_rows = 8;
  experts.pieces = {piece};
  for (size_t e = 0; e < 4; ++e)
    for (size_t r = 0; r < 8; ++r) EXPECT_EQ(value(experts, e, r), float(8 * e + r) - 16);
  EXPECT_FALSE(experts.mxfp4());
}

/// Gate in one type and up in another.
TEST(GgufVector, GateAndUpOfDifferentTypes) {
  TestFolder folder;
  write_model(folder / "model", tiny_config(), CheckpointLayout::hugging_face_mxfp4);
  TinyGguf gguf(folder / "model");
  std::string text = gguf.file();
  const Values& values = gguf.expected.at({Role::gate_up_weight, 0});
  const size_t columns = 64, half_rows = 96, experts = 4;
  Values up;
  for (size_t e = 0; e < experts; ++e)
    for (size_t r = 0; r < half_rows; ++r)
      up.insert(up.end(), values.begin() + static_cast<long>((e * 2 * half_rows + 2 * r + 1) * columns),
                values.begin() + static_cast<long>((e * 2 * half_rows + 2 * r + 2) * columns));
  gguf.writer.replace_tensor("blk.0.ffn_up_exps.weight", gguf_tensor::f32, bytes_of_floats(up));
  folder.write("x.gguf", gguf.writer.file());
  for (const char* target : {"bf16", "mxfp4"}) {
    ConvertOptions options;
    options.target = *parse_target(target);
    const auto report = convert(folder / "x.gguf", folder / target, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    expect_values(folder / target, gguf);
  }
}

}  // namespace
}  // namespace mxpath::convert
