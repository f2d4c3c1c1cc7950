#include "convert/convert.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>

#include "base/text.h"
#include "checkpoint/test_folder.h"
#include "convert/convert_for_test.h"
#include "convert/source.h"
#include "formats/bf16.h"
#include "formats/fp16.h"

namespace mxpath::convert {
namespace {

/// Every number of two checkpoints, by role.
void expect_same_values(const std::string& a, const std::string& b) {
  const auto left = Checkpoint::open(a), right = Checkpoint::open(b);
  ASSERT_TRUE(left.ok() && right.ok()) << (left.ok() ? right : left).error().message;
  ASSERT_EQ(left->manifest().tensors.size(), right->manifest().tensors.size());
  for (const TensorRecord& t : left->manifest().tensors) {
    const TensorRecord* other = right->manifest().find(t.role, t.layer);
    ASSERT_NE(other, nullptr) << t.name;
    std::vector<float> row(static_cast<size_t>(t.columns)), other_row(row.size());
    for (int expert = 0; expert < t.experts; ++expert)
      for (int64_t r = 0; r < t.rows; ++r) {
        left->decode_row(t, expert, r, row);
        right->decode_row(*other, expert, r, other_row);
        ASSERT_EQ(row, other_row) << t.name << ' ' << expert << ' ' << r;
      }
  }
}

TEST(Convert, EveryLayoutToEveryLayout) {
  TestFolder folder;
  for (const auto from : layouts) {
    const std::string source = folder / fmt::format("from{}", static_cast<int>(from));
    write_tiny(source, from);
    for (const auto target : layouts) {
      const std::string result = source + fmt::format("to{}", static_cast<int>(target));
      const auto report = converted(source, result, to(target));
      for (const auto& tensor : report.tensors) EXPECT_EQ(tensor.loss.changed, 0u) << tensor.name;
      EXPECT_EQ(open_manifest(result)->layout, target);
      expect_same_values(source, result);
      EXPECT_FALSE(std::filesystem::exists(result + "/convert.json"));
    }
  }
}

TEST(Convert, LayoutChangesKeepTheBytesOfBlocks) {
  TestFolder folder;
  write_tiny(folder / "hub", CheckpointLayout::hugging_face_mxfp4);
  write_tiny(folder / "own", CheckpointLayout::openai_original);
  converted(folder / "hub", folder / "original", to(CheckpointLayout::openai_original));
  converted(folder / "original", folder / "back", to(CheckpointLayout::hugging_face_mxfp4));
  auto own = load_tensors(folder / "own/model.safetensors"),
       original = load_tensors(folder / "original/model.safetensors");
  auto hub = load_tensors(folder / "hub/model.safetensors"), back = load_tensors(folder / "back/model.safetensors");
  ASSERT_EQ(own.size(), original.size());
  ASSERT_EQ(hub.size(), back.size());
  for (const auto& tensor : own) EXPECT_EQ(tensor.bytes, tensor_named(original, tensor.name).bytes) << tensor.name;
  for (const auto& tensor : hub) EXPECT_EQ(tensor.bytes, tensor_named(back, tensor.name).bytes) << tensor.name;
  EXPECT_EQ(Json::parse(folder.read("original/dtypes.json"))["block.1.mlp.mlp1_weight.blocks"], "FP4");
}

/// BF16 → MXFP4 → BF16 gives the file back, and so the whole folder's numbers do not depend on the way.
TEST(Convert, Bf16RoundTripIsTheSameFile) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_bf16);
  for (const ScaleRule rule : {ScaleRule::ceil, ScaleRule::ocp}) {
    const std::string middle = folder / std::string(name_of(rule)), end = middle + "-end";
    auto options = to(CheckpointLayout::hugging_face_mxfp4);
    options.scale_rule = rule;
    converted(folder / "a", middle, options);
    converted(middle, end, to(CheckpointLayout::hugging_face_bf16));
    auto before = load_tensors(folder / "a/model.safetensors"), after = load_tensors(end + "/model.safetensors");
    ASSERT_EQ(before.size(), after.size());
    for (const auto& tensor : before) EXPECT_EQ(tensor.bytes, tensor_named(after, tensor.name).bytes) << tensor.name;
  }
}

/// Name, shape and bytes of what transformers keeps in memory when it loads these experts dequantised.
TEST(Convert, Bf16ExpertsAreThoseOfTransformers) {
  TestFolder folder;
  RandomCheckpoint what;
  what.config = tiny_config();
  what.config.experts = 2;
  ASSERT_TRUE(write_random_checkpoint(folder / "a", what).ok());
  auto golden = load_tensors(MXPATH_SOURCE_DIR "/tests/data/convert/transformers_mxfp4.safetensors");
  auto tensors = load_tensors(folder / "a/model.safetensors");
  const std::string prefix = "model.layers.1.mlp.experts.";
  for (const std::string name :
       {"gate_up_proj_blocks", "gate_up_proj_scales", "down_proj_blocks", "down_proj_scales"}) {
    LooseTensor& tensor = tensor_named(tensors, prefix + name);
    ASSERT_EQ(tensor.shape, tensor_named(golden, name).shape);
    tensor.bytes = tensor_named(golden, name).bytes;
  }
  save_tensors(folder / "a/model.safetensors", tensors);
  converted(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_bf16));
  auto result = load_tensors(folder / "b/model.safetensors");
  for (const std::string name : {"gate_up_proj", "down_proj"}) {
    const LooseTensor &have = tensor_named(result, prefix + name), &want = tensor_named(golden, name);
    EXPECT_EQ(have.shape, want.shape);
    EXPECT_EQ(have.dtype, want.dtype);
    EXPECT_EQ(have.bytes, want.bytes) << name;
  }
}

TEST(Convert, TheResultDoesNotDependOnThreads) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_bf16);
  auto options = to(CheckpointLayout::hugging_face_mxfp4);
  options.threads = 1;
  converted(folder / "a", folder / "one", options);
  options.threads = 3;
  converted(folder / "a", folder / "three", options);
  EXPECT_EQ(folder.read("one/model.safetensors"), folder.read("three/model.safetensors"));
}

TEST(Convert, WiderNumbersAreRoundedAndTheLossIsTold) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_bf16);
  auto tensors = load_tensors(folder / "a/model.safetensors");
  for (auto& tensor : tensors) {
    std::vector<uint8_t> wide(tensor.bytes.size() * 2);
    const bool off = tensor.name == "model.norm.weight";  // between two BF16 numbers
    for (size_t i = 0; i < tensor.bytes.size() / 2; ++i) {
      uint16_t code;
      std::memcpy(&code, &tensor.bytes[2 * i], 2);
      const float value = decode_bf16(code) * (off ? 1.001f : 1.0f);
      std::memcpy(&wide[4 * i], &value, 4);
    }
    tensor.dtype = Dtype::f32, tensor.bytes = wide;
  }
  folder.write("wide/config.json", folder.read("a/config.json"));
  save_tensors(folder / "wide/model.safetensors", tensors);
  for (const auto target : layouts) {
    const std::string result = folder / fmt::format("to{}", static_cast<int>(target));
    const auto report = converted(folder / "wide", result, to(target));
    size_t lossy = 0;
    for (const auto& tensor : report.tensors) lossy += tensor.loss.changed > 0;
    EXPECT_EQ(lossy, 1u);
    EXPECT_NE(to_text(report).find("1 tensor lost precision"), std::string::npos);
    EXPECT_NE(to_text(report).find(target == CheckpointLayout::openai_original ? "norm.scale" : "model.norm.weight"),
              std::string::npos);
  }
}

TEST(Convert, NearestLosesOnTheGridAndSaysSo) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_bf16);
  // A block whose largest element is 4 under scale 1.
  auto tensors = load_tensors(folder / "a/model.safetensors");
  auto& down = tensor_named(tensors, "model.layers.1.mlp.experts.down_proj");
  const uint16_t four = encode_bf16(4.0f);
  for (size_t i = 0; i < 32; ++i) std::memcpy(&down.bytes[i * down.shape[2] * 2], &four, 2);
  save_tensors(folder / "a/model.safetensors", tensors);
  auto options = to(CheckpointLayout::hugging_face_mxfp4);
  options.scale_rule = ScaleRule::nearest;
  const Json report = to_json(converted(folder / "a", folder / "b", options));
  const auto& last = report["tensors"].back();
  EXPECT_EQ(last["name"], "model.layers.1.mlp.experts.down_proj");
  EXPECT_GE(last["changed"].get<int>(), 32);
  EXPECT_FLOAT_EQ(last["max_abs_delta"].get<float>(), 1.0f);
  EXPECT_GT(last["mean_abs_delta"].get<double>(), 0);
}

TEST(Convert, ConfigIsMendedAndTheRestKept) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_mxfp4);
  Json config = Json::parse(folder.read("a/config.json"));
  config["something_else"] = {{"x", 1.5}};
  folder.write("a/config.json", config.dump(2));
  converted(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_bf16));
  Json plain = config;
  plain.erase("quantization_config");
  EXPECT_EQ(Json::parse(folder.read("b/config.json")), plain);
  converted(folder / "b", folder / "c", to(CheckpointLayout::hugging_face_mxfp4));
  const Json again = Json::parse(folder.read("c/config.json"));
  EXPECT_EQ(again["quantization_config"], config["quantization_config"]);
  EXPECT_EQ(again["something_else"], config["something_else"]);
}

TEST(Convert, TokenizerFilesAreCopied) {
  TestFolder folder;
  write_tiny(folder / "a");
  folder.write("a/tokenizer.json", "{\"t\": 1}");
  folder.write("a/generation_config.json", "{\"g\": 2}");
  folder.write("a/notes.txt", "not copied");
  auto report = converted(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_bf16));
  EXPECT_EQ(folder.read("b/tokenizer.json"), "{\"t\": 1}");
  EXPECT_EQ(folder.read("b/generation_config.json"), "{\"g\": 2}");
  EXPECT_FALSE(std::filesystem::exists(folder / "b/notes.txt"));
  EXPECT_EQ(to_text(report).find("built-in"), std::string::npos);
  std::filesystem::remove(folder / "a/tokenizer.json");
  report = converted(folder / "a", folder / "c", to(CheckpointLayout::hugging_face_bf16));
  EXPECT_NE(to_text(report).find("built-in o200k_harmony"), std::string::npos);
}

/// Before hours of work, not after them.
TEST(Convert, ATokenizerThatCannotBeReadIsToldFirst) {
  TestFolder folder;
  write_tiny(folder / "a");
  std::filesystem::create_symlink("../../blobs/1234", folder / "a/tokenizer.json");
  size_t written = 0;
  auto options = to(CheckpointLayout::hugging_face_bf16);
  options.progress = [&](std::string_view, uint64_t, uint64_t) { ++written; };
  EXPECT_NE(error_of(folder / "a", folder / "b", options).find("a/tokenizer.json"), std::string::npos);
  EXPECT_EQ(written, 0u);
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

/// Reading them says what they are, before anything is written.
TEST(Convert, CompanionsThatAreNoFilesAreNotLeftOut) {
  namespace fs = std::filesystem;
  TestFolder folder;
  write_tiny(folder / "a");
  for (const std::string name :
       {"tokenizer.json", "special_tokens_map.json", "chat_template.jinja", "generation_config.json", "LICENSE"}) {
    const std::string path = folder / ("a/" + name);
    const auto refused = [&](const std::string& what) {
      const std::string message = error_of(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_bf16));
      EXPECT_TRUE(message.starts_with(path) && message.find(what) != message.npos) << message;
      EXPECT_FALSE(fs::exists(folder / "b"));
      fs::remove(path);
    };
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    refused("not a regular file but a pipe");
    fs::create_directory(path);
    refused("not a regular file but a folder");
    fs::create_symlink("/dev/null", path);
    refused("not a regular file but a device");
    fs::create_symlink(name, path);
    refused("cannot be opened: Too many levels of symbolic links");
  }
  converted(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_bf16));
}

TEST(Convert, ShardsHaveAnIndex) {
  TestFolder folder;
  write_tiny(folder / "a");
  for (const auto target : layouts) {
    auto options = to(target);
    options.shard_bytes = 60'000;
    const std::string result = folder / fmt::format("to{}", static_cast<int>(target));
    const auto report = converted(folder / "a", result, options);
    EXPECT_GT(report.files, 3u);
    EXPECT_EQ(std::filesystem::exists(result + "/model.safetensors.index.json"),
              target != CheckpointLayout::openai_original);
    EXPECT_EQ(open_manifest(result)->files.size(), report.files);
    EXPECT_TRUE(open_manifest(result)->remarks.empty());
    expect_same_values(folder / "a", result);
  }
}

}  // namespace
}  // namespace mxpath::convert
