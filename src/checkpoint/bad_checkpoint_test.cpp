// Folders that are wrong in one way each: one sentence that names it, never a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "base/text.h"
#include "checkpoint/bad_checkpoint_for_test.h"
#include "checkpoint/manifest.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

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
  expect_problem({"a GGUF file", "`mxpath convert " + (folder_ / "m/gpt-oss-20b-mxfp4.gguf") + " FOLDER --to mxfp4`"});
  for (const auto& [file, what] :
       std::map<std::string, std::string>{{"pytorch_model-00001-of-00002.bin", "PyTorch pickle"},
                                          {"model.bin", "Apple Metal"},
                                          {"model.onnx", "ONNX"}}) {
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
  expect_problem({file_, "is a link to nowhere, which is not there"});
  for (const char* file :
       {"config.json", "tokenizer.json", "generation_config.json", "model.safetensors.index.json", "model.gguf"}) {
    fs::remove_all(folder_ / "m");
    write_tiny(folder_ / "m");
    fs::remove(folder_ / ("m/" + std::string(file)));
    fs::create_symlink("../../blobs/4f0c2d", folder_ / ("m/" + std::string(file)));
    expect_problem({file, "is a link to ../../blobs/4f0c2d, which is not there: copy the folder again with cp -L"});
  }
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
  expect_problem({"1 byte after the last tensor"});
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
  expect_problem(
      {"model.safetensors: tensor model.embed_tokens.weight has the shape [512, 64], but config.json makes it [512, "
       "32]"});
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
  for (const std::string& name : {layer + "self_attn.sinks", layer + "mlp.experts.down_proj_scales",
                                  layer + "mlp.experts.down_proj_blocks", std::string("model.norm.weight")}) {
    write_tiny(folder_ / "m");
    change_tensors([&](auto& tensors) { std::erase_if(tensors, [&](const auto& t) { return t.name == name; }); });
    expect_problem({"tensor " + name, "is missing from its 1 weight file;"});
  }
}

TEST_F(BadCheckpoint, MissingHeadPointsAtTying) {
  write_tiny(folder_ / "m");
  change_tensors(
      [](auto& tensors) { std::erase_if(tensors, [](const auto& t) { return t.name == "lm_head.weight"; }); });
  expect_problem({"lm_head.weight", "tie_word_embeddings"});
}

TEST_F(BadCheckpoint, WrongDtype) {
  write_tiny(folder_ / "m");
  change_tensors(
      [](auto& tensors) { tensor_named(tensors, "model.layers.0.self_attn.o_proj.bias").dtype = Dtype::i16; });
  expect_problem(
      {"model.safetensors: tensor model.layers.0.self_attn.o_proj.bias has the dtype I16, but must be BF16, F16 or "
       "F32"});
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) {
    tensor_named(tensors, "model.layers.0.mlp.experts.down_proj_scales").dtype = Dtype::f8_e8m0;
  });
  expect_problem({"down_proj_scales has the dtype F8_E8M0, but must be U8"});
}

TEST_F(BadCheckpoint, WrongShape) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) {
    tensor_named(tensors, "model.layers.0.mlp.experts.gate_up_proj_blocks").shape = {4, 192, 32};
  });
  expect_problem({"gate_up_proj_blocks has the shape [4, 192, 32], but config.json makes it [4, 192, 2, 16]"});
}

TEST_F(BadCheckpoint, RowsThatBlocksDoNotDivide) {
  write_tiny(folder_ / "m");
  change_config("intermediate_size", 80);
  change_tensors([](auto& tensors) {
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      std::erase_if(tensors, [&](const auto& t) { return t.name.starts_with(layer + "mlp.experts.gate_up"); });
      tensors.push_back(
          {layer + "mlp.experts.gate_up_proj", Dtype::bf16, {4, 64, 160}, std::vector<uint8_t>(4 * 64 * 160 * 2)});
      tensors.push_back(
          {layer + "mlp.experts.gate_up_proj_bias", Dtype::bf16, {4, 160}, std::vector<uint8_t>(4 * 160 * 2)});
    }
  });
  expect_problem({"down_proj_blocks is MXFP4, but its rows of 80 elements", "no multiple of 32"});
}

TEST_F(BadCheckpoint, TensorInTwoForms) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) {
    tensors.push_back(
        {"model.layers.0.mlp.experts.down_proj", Dtype::bf16, {4, 96, 64}, std::vector<uint8_t>(4 * 96 * 64 * 2)});
  });
  expect_problem({"is there twice, as MXFP4 blocks and as plain numbers; keep the one that is meant"});
}

TEST_F(BadCheckpoint, ExtraTensorsAreARemark) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) {
    tensors.push_back({"model.rotary_emb.inv_freq", Dtype::f32, {1}, std::vector<uint8_t>(4)});
  });
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->remarks, std::vector<std::string>{"tensor model.rotary_emb.inv_freq is not used"});
}

TEST_F(BadCheckpoint, OtherQuantisationsAreNamed) {
  for (const auto& [name, what] : std::map<std::string, std::string>{
           {"model.layers.0.mlp.experts.gate_up_projs.0.weight", "linearised experts"},
           {"model.layers.0.mlp.experts.gate_up_projs.0.weight.quant_state.bitsandbytes__nf4", "bitsandbytes 4-bit"},
           {"model.layers.0.self_attn.q_proj.qweight", "GPTQ or AWQ"},
           {"model.layers.0.self_attn.q_proj.trellis", "EXL3"},
           {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "LoRA adapter"}}) {
    write_tiny(folder_ / "m");
    change_tensors([tensor = name](auto& tensors) { tensors.push_back({tensor, Dtype::u8, {1}, {0}}); });
    expect_problem({what, name});
    // Whatever is wrong with the config: it is not what matters here.
    folder_.write("m/config.json", R"({"model_type": "gpt_oss"})");
    expect_problem({what, name});
  }
}

TEST_F(BadCheckpoint, MlxIsNamedByConfigWordsOrMetadata) {
  write_tiny(folder_ / "m");
  const std::string config = folder_.read("m/config.json");
  for (const char* field : {"quantization", "quantization_config"}) {
    folder_.write("m/config.json", config);
    change_config(field, {{"group_size", 64}, {"bits", 4}});
    expect_problem({"Apple's MLX"});
  }
  folder_.write("m/config.json", config);
  change_tensors([](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.q_proj.weight.x.weight", Dtype::u32, {1}, {0, 0, 0, 0}});
  });
  expect_problem({"Apple's MLX", "in U32"});
}

TEST_F(BadCheckpoint, NothingIsListedWithoutEnd) {
  write_tiny(folder_ / "m");
  const auto length = [&] { return open_manifest(folder_ / "m").error().message.size(); };
  change_tensors([](auto& tensors) {
    auto& shape = tensor_named(tensors, "model.norm.weight").shape;
    shape.resize(60, 1);
  });
  EXPECT_LT(length(), 1000u);
  const std::string start = R"({"a": {"dtype": "U8", "data_offsets": [0, 1], "shape": [1)";
  std::string ones;
  for (int i = 0; i < 20'000; ++i) ones += ",1";
  for (const std::string& header : {start + ones + "]}}", R"({"a": {"dtype": )" + std::string(20'000, '9') + "}}"}) {
    const uint64_t size = header.size();
    folder_.write("m/model.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + header + "x");
    EXPECT_LT(length(), 1000u);
  }
}

TEST_F(BadCheckpoint, NotAGptOss) {
  write_tiny(folder_ / "m");
  change_tensors([](auto& tensors) { tensors = {{"transformer.wte.weight", Dtype::u8, {1}, {0}}}; });
  expect_problem({"none of its tensors is named as in a gpt-oss model"});
}

}  // namespace
}  // namespace mxpath
