// Folders that are wrong in one way each: one sentence that names it, never a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "checkpoint/manifest.h"
#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

class BadCheckpoint : public ::testing::Test {
 protected:
  /// Opening must fail with all of `parts` in one line.
  void expect_problem(const std::vector<std::string>& parts) {
    const auto manifest = open_manifest(folder_ / "m");
    ASSERT_FALSE(manifest.ok());
    const std::string& message = manifest.error().message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    for (const auto& part : parts) EXPECT_NE(message.find(part), std::string::npos) << "wanted: " << part << "\n   got: " << message;
  }
  void change_tensors(const std::function<void(std::vector<LooseTensor>&)>& change) {
    auto tensors = load_tensors(file_);
    change(tensors);
    save_tensors(file_, tensors);
  }
  void change_config(const std::string& field, const Json& value) {
    Json json = parse_json(folder_.read("m/config.json"), "c").value();
    json[field] = value;
    folder_.write("m/config.json", json.dump());
  }

  TestFolder folder_;
  std::string file_ = folder_ / "m/model.safetensors";
};

TEST_F(BadCheckpoint, NoFolder) { expect_problem({folder_ / "m", "no such folder"}); }

TEST_F(BadCheckpoint, FileInPlaceOfTheFolder) {
  folder_.write("m", "x");
  expect_problem({folder_ / "m", "not a folder"});
}

TEST_F(BadCheckpoint, EmptyFolder) {
  fs::create_directory(folder_ / "m");
  expect_problem({folder_ / "m", "the folder is empty"});
}

TEST_F(BadCheckpoint, FolderOfSomethingElse) {
  folder_.write("m/README.md", "x");
  expect_problem({"no config.json and no *.safetensors"});
}

TEST_F(BadCheckpoint, OtherFormats) {
  folder_.write("m/gpt-oss-20b-mxfp4.gguf", "x");
  folder_.write("m/config.json", "{}");
  expect_problem({"a GGUF file", "`mxpath convert gpt-oss-20b-mxfp4.gguf FOLDER --to mxfp4`"});
  for (const auto& [file, what] : std::map<std::string, std::string>{
           {"pytorch_model-00001-of-00002.bin", "PyTorch pickle"}, {"model.bin", "Apple Metal"}, {"model.onnx", "ONNX"}}) {
    fs::remove_all(folder_ / "m");
    folder_.write("m/" + file, "x");
    folder_.write("m/config.json", "{}");
    expect_problem({file, what, "openai/gpt-oss-20b"});
  }
}

TEST_F(BadCheckpoint, ConfigWithoutWeights) {
  folder_.write("m/config.json", "{}");
  expect_problem({"has config.json but no *.safetensors"});
}

TEST_F(BadCheckpoint, WeightsWithoutConfig) {
  write_tiny(folder_ / "m");
  fs::remove(folder_ / "m/config.json");
  expect_problem({"there is no config.json"});
}

TEST_F(BadCheckpoint, FoldersInPlaceOfFiles) {
  write_tiny(folder_ / "m");
  fs::remove(folder_ / "m/config.json");
  fs::create_directory(folder_ / "m/config.json");
  expect_problem({"m/config.json", "not a regular file"});
  write_tiny(folder_ / "n");
  fs::remove(folder_ / "m/config.json");
  fs::copy_file(folder_ / "n/config.json", folder_ / "m/config.json");
  fs::remove(file_);
  fs::create_directory(file_);
  expect_problem({file_, "not a regular file"});
}

TEST_F(BadCheckpoint, BrokenLinks) {
  write_tiny(folder_ / "m");
  fs::remove(file_);
  fs::create_symlink("nowhere", file_);
  expect_problem({file_, "no such file"});
}

TEST_F(BadCheckpoint, NoPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything; FoldersInPlaceOfFiles covers unreadable files";
  write_tiny(folder_ / "m");
  fs::permissions(file_, fs::perms::none);
  expect_problem({file_, "no permission"});
  fs::permissions(folder_ / "m", fs::perms::none);
  expect_problem({folder_ / "m", "no permission"});
  fs::permissions(folder_ / "m", fs::perms::all);
}

TEST_F(BadCheckpoint, TruncatedFileAtEveryLength) {
  write_tiny(folder_ / "m");
  const auto size = fs::file_size(file_);
  for (const uint64_t length : {uint64_t{0}, uint64_t{7}, uint64_t{8}, uint64_t{100}, size / 2, size - 1}) {
    fs::resize_file(file_, length);
    expect_problem({file_});
    write_tiny(folder_ / "m");
  }
  fs::resize_file(file_, size + 1);
  expect_problem({"1 bytes after the last tensor"});
}

TEST_F(BadCheckpoint, HeaderLongerThanTheFile) {
  write_tiny(folder_ / "m");
  std::string text = folder_.read("m/model.safetensors");
  text[3] = 1;  // 16 MiB more
  folder_.write("m/model.safetensors", text);
  expect_problem({"truncated: the header is"});
  text[7] = 1;
  folder_.write("m/model.safetensors", text);
  expect_problem({"over the limit"});
}

TEST_F(BadCheckpoint, ConfigIsNotTheModels) {
  write_tiny(folder_ / "m");
  change_config("hidden_size", 32);
  expect_problem({"model.safetensors: tensor model.embed_tokens.weight has the shape [512, 64], but config.json makes it [512, 32]"});
}

TEST_F(BadCheckpoint, ConfigWithOtherLayerCounts) {
  write_tiny(folder_ / "m");
  change_config("layer_types", nullptr);
  change_config("num_hidden_layers", 3);
  expect_problem({"tensor model.layers.2.input_layernorm.weight (attention_norm) is missing"});
  change_config("num_hidden_layers", 1);
  expect_problem({"belongs to layer 1, but config.json says there are 1 layers"});
}

TEST_F(BadCheckpoint, MissingTensor) {
  const std::string layer = "model.layers.1.";
  for (const std::string& name : {layer + "self_attn.sinks", layer + "mlp.experts.down_proj_scales", layer + "mlp.experts.down_proj_blocks",
                                  std::string("model.norm.weight")}) {
    write_tiny(folder_ / "m");
    change_tensors([&](auto& tensors) { std::erase_if(tensors, [&](const auto& t) { return t.name == name; }); });
    expect_problem({"tensor " + name, "is missing from its 1 weight file;"});
  }
}

TEST_F(BadCheckpoint, MissingHeadPointsAtTying) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { std::erase_if(tensors, [](const auto& t) { return t.name == "lm_head.weight"; }); });
  expect_problem({"lm_head.weight", "tie_word_embeddings"});
}

TEST_F(BadCheckpoint, WrongDtype) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensor_named(tensors, "model.layers.0.self_attn.o_proj.bias").dtype = Dtype::i16; });
  expect_problem({"model.safetensors: tensor model.layers.0.self_attn.o_proj.bias has the dtype I16, but must be BF16, F16 or F32"});
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensor_named(tensors, "model.layers.0.mlp.experts.down_proj_scales").dtype = Dtype::f8_e8m0; });
  expect_problem({"down_proj_scales has the dtype F8_E8M0, but must be U8"});
}

TEST_F(BadCheckpoint, WrongShape) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensor_named(tensors, "model.layers.0.mlp.experts.gate_up_proj_blocks").shape = {4, 192, 32}; });
  expect_problem({"gate_up_proj_blocks has the shape [4, 192, 32], but config.json makes it [4, 192, 2, 16]"});
}

TEST_F(BadCheckpoint, RowsThatBlocksDoNotDivide) {
  write_tiny(folder_ / "m");
  change_config("intermediate_size", 80);
  change_tensors([](auto& tensors) {
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      std::erase_if(tensors, [&](const auto& t) { return t.name.starts_with(layer + "mlp.experts.gate_up"); });
      tensors.push_back({layer + "mlp.experts.gate_up_proj", Dtype::bf16, {4, 64, 160}, std::vector<uint8_t>(4 * 64 * 160 * 2)});
      tensors.push_back({layer + "mlp.experts.gate_up_proj_bias", Dtype::bf16, {4, 160}, std::vector<uint8_t>(4 * 160 * 2)});
    }
  });
  expect_problem({"down_proj_blocks is MXFP4, but its rows of 80 elements", "no multiple of 32"});
}

TEST_F(BadCheckpoint, TensorInTwoForms) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) {
    tensors.push_back({"model.layers.0.mlp.experts.down_proj", Dtype::bf16, {4, 96, 64}, std::vector<uint8_t>(4 * 96 * 64 * 2)});
  });
  expect_problem({"is there twice, as MXFP4 blocks and as plain numbers"});
}

TEST_F(BadCheckpoint, ExtraTensorsAreARemark) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensors.push_back({"model.rotary_emb.inv_freq", Dtype::f32, {1}, std::vector<uint8_t>(4)}); });
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->remarks, std::vector<std::string>{"tensor model.rotary_emb.inv_freq is not used"});
}

TEST_F(BadCheckpoint, OtherQuantisationsAreNamed) {
  for (const auto& [name, what] : std::map<std::string, std::string>{
           {"model.layers.0.mlp.experts.gate_up_projs.0.weight", "linearised experts"},
           {"model.layers.0.mlp.experts.gate_up_projs.0.weight.quant_state.bitsandbytes__nf4", "bitsandbytes 4-bit"},
           {"model.layers.0.self_attn.q_proj.qweight", "GPTQ or AWQ"},
           {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "LoRA adapter"}}) {
    write_tiny(folder_ / "m");
    change_tensors([tensor = name](auto& tensors) { tensors.push_back({tensor, Dtype::u8, {1}, {0}}); });
    expect_problem({what, name, "unsloth/gpt-oss-20b-BF16"});
  }
}

TEST_F(BadCheckpoint, NotAGptOss) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensors = {{"transformer.wte.weight", Dtype::u8, {1}, {0}}}; });
  expect_problem({"none of its tensors is named as in a gpt-oss model"});
}

class BadShards : public BadCheckpoint {
 protected:
  void SetUp() override { write_tiny(folder_ / "m", CheckpointLayout::hugging_face_mxfp4, 50000); }
  void change_index(const std::function<void(Json&)>& change) {
    Json json = parse_json(folder_.read("m/model.safetensors.index.json"), "i").value();
    change(json);
    folder_.write("m/model.safetensors.index.json", json.dump());
  }
};

TEST_F(BadShards, MissingShards) {
  fs::remove(folder_ / "m/model-00002-of-00006.safetensors");
  expect_problem({folder_ / "m", "1 of 6 weight files are missing: model-00002-of-00006.safetensors"});
  for (const int i : {1, 3, 4, 5, 6}) fs::remove(folder_ / ("m/model-0000" + std::to_string(i) + "-of-00006.safetensors"));
  expect_problem({"6 of 6 weight files are missing", "and 3 more"});
}

TEST_F(BadShards, TensorNotInItsShard) {
  change_index([](Json& json) { json["weight_map"]["model.norm.weight"] = "model-00001-of-00006.safetensors"; });
  expect_problem({"model-00001-of-00006.safetensors: tensor model.norm.weight is not in this file"});
}

TEST_F(BadShards, TensorThatTheIndexForgets) {
  change_index([](Json& json) { json["weight_map"].erase("model.norm.weight"); });
  expect_problem({"model.norm.weight", "missing"});
}

TEST_F(BadShards, TotalSizeIsChecked) {
  change_index([](Json& json) { json["metadata"]["total_size"] = 5; });
  EXPECT_EQ(open_manifest(folder_ / "m")->remarks.size(), 1u);
}

TEST_F(BadShards, IndexThatIsWrong) {
  for (const char* text :
       {"", "[]", "1", "{}", R"({"weight_map":{}})", R"({"weight_map":[]})", R"({"weight_map":1})", R"({"weight_map":{"a":1}})",
        R"({"weight_map":{"a":{}}})", R"({"weight_map":{"a":"../b.safetensors"}})", R"({"weight_map":{"a":"/etc/passwd"}})",
        R"({"weight_map":{"a":".safetensors"}})", R"({"weight_map":{"a":"b.bin"}})",
        R"({"weight_map":{"a":"b.safetensors","a":"b.safetensors"}})", R"({"weight_map":{"a":"b.safetensors"},"weight_map":{}})"}) {
    folder_.write("m/model.safetensors.index.json", text);
    expect_problem({"model.safetensors.index.json"});
  }
}

}  // namespace
}  // namespace mxpath
