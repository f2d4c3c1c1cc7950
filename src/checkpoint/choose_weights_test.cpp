// Which files of a folder are the model, where more than one thing could be meant; and what a folder is that holds
// none.
#include "checkpoint/choose_weights.h"

#include <gtest/gtest.h>

#include <map>

#include "base/text.h"
#include "checkpoint/bad_checkpoint_for_test.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

class ChosenFolder : public BadCheckpoint {};

TEST_F(ChosenFolder, AdaptersAreNamedWithTheirBase) {
  folder_.write("m/adapter_config.json", R"({"base_model_name_or_path": "openai/gpt-oss-20b"})");
  folder_.write("m/adapter_model.safetensors", "x");
  expect_problem({"holds a LoRA adapter for openai/gpt-oss-20b", "merge it into its base model"});
  folder_.write("m/config.json", "{}");
  expect_problem({"holds a LoRA adapter for openai/gpt-oss-20b"});
  write_tiny(folder_ / "m");
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  ASSERT_EQ(manifest->decisions.size(), 1u);
  EXPECT_NE(manifest->decisions[0].find("is not applied: adapter_model.safetensors"), std::string::npos);
}

TEST_F(ChosenFolder, AnAdapterUnderAnyNameIsNotReadAsWeights) {
  write_tiny(folder_ / "m");
  save_tensors(folder_ / "m/mine.safetensors",
               {{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", Dtype::u8, {1}, {0}}});
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  ASSERT_EQ(manifest->decisions.size(), 1u);
  EXPECT_NE(manifest->decisions[0].find("is not applied: mine.safetensors"), std::string::npos);
  fs::remove(file_), fs::remove(folder_ / "m/config.json");
  expect_problem({"a LoRA adapter, not a whole model"});
}

TEST_F(ChosenFolder, FilesThatTogetherNameTooMuchAreReadNoFurther) {
  write_tiny(folder_ / "m");
  std::string header = "{";
  for (size_t i = 0; i < 120'000; ++i)
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i ? "," : "", i);
  header += "}";
  const uint64_t size = header.size();
  const std::string text = std::string(reinterpret_cast<const char*>(&size), 8) + header;
  folder_.write("m/x0.safetensors", text), folder_.write("m/x1.safetensors", text);
  // Nothing is said of what comes after: it is not looked at.
  for (const char* name : {"m/x2.safetensors", "m/x3.safetensors"}) folder_.write(name, "cut");
  const auto names = list_folder(folder_ / "m").value();
  WeightFiles files(folder_ / "m", names);
  EXPECT_TRUE(files.header("x0.safetensors").ok());
  for (const char* name : {"x1.safetensors", "x2.safetensors", "model.safetensors"})
    EXPECT_NE(files.header(name).error().message.find("together name more than 131072 tensors"), std::string::npos)
        << name;
  EXPECT_TRUE(files.header("x0.safetensors").ok());
  expect_problem({folder_ / "m", "together name more than 131072 tensors"});
}

TEST_F(ChosenFolder, WhatATrainingLeaves) {
  for (const auto& [file, what] :
       std::map<std::string, std::string>{{"pytorch_model_fsdp_0/__0_0.distcp", "FSDP"},
                                          {"__0_0.distcp", "torch.distributed.checkpoint"},
                                          {"global_step100/mp_rank_00_model_states.pt", "DeepSpeed"},
                                          {"iter_0000100/common.pt", "Megatron"}}) {
    fs::remove_all(folder_ / "m");
    folder_.write("m/config.json", "{}");
    folder_.write("m/" + file, "x");
    expect_problem({"sharded training state (" + what});
    EXPECT_EQ(open_manifest(folder_ / "m").error().message.find("download"), std::string::npos);
  }
}

TEST_F(ChosenFolder, TheModelIsOneFolderDeeper) {
  folder_.write("m/trainer_state.json", "{}");
  for (const char* step : {"checkpoint-90", "checkpoint-500", "checkpoint-1000"})
    write_tiny(folder_ / ("m/" + std::string(step)));
  expect_problem({"the model is in " + (folder_ / "m/checkpoint-1000") + ", one folder deeper"});
  fs::remove(folder_ / "m/checkpoint-1000/model.safetensors");
  expect_problem({"the model is in " + (folder_ / "m/checkpoint-500")});
  write_tiny(folder_ / "m/merged");
  expect_problem({"the model is in " + (folder_ / "m/merged")});
}

TEST_F(ChosenFolder, ADownloadIsAdvisedOnlyWhereOneWas) {
  const auto says_download = [&] {
    return open_manifest(folder_ / "m").error().message.find("download") != std::string::npos;
  };
  folder_.write("m/config.json", "{}");
  EXPECT_FALSE(says_download());
  folder_.write("m/.cache/huggingface/x", "");
  EXPECT_TRUE(says_download());
}

class ChosenShards : public BadCheckpoint {
 protected:
  void SetUp() override { write_tiny(folder_ / "m", CheckpointLayout::hugging_face_mxfp4, 50000); }
  void change_index(const std::function<void(Json&)>& change) {
    Json json = parse_json(folder_.read("m/model.safetensors.index.json"), "i").value();
    change(json);
    folder_.write("m/model.safetensors.index.json", json.dump());
  }
  /// The model opens, and the one thing to say is this of the index.
  void expect_stale(const std::string& how) {
    const auto manifest = open_manifest(folder_ / "m");
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    ASSERT_EQ(manifest->decisions.size(), 1u);
    EXPECT_NE(manifest->decisions[0].find("model.safetensors.index.json is stale: it " + how), std::string::npos)
        << manifest->decisions[0];
  }
};

TEST_F(ChosenShards, MissingShards) {
  fs::remove(folder_ / "m/model-00002-of-00006.safetensors");
  expect_problem({folder_ / "m", "1 of 6 weight files is missing: model-00002-of-00006.safetensors"});
  // Without an index, or with one that says nothing, the numbers tell.
  const std::string index = folder_.read("m/model.safetensors.index.json");
  for (const bool empty : {true, false}) {
    if (empty) folder_.write("m/model.safetensors.index.json", R"({"weight_map":{}})");
    else fs::remove(folder_ / "m/model.safetensors.index.json");
    expect_problem(
        {folder_ / "m",
         "1 of 6 weight files is missing, as the others are numbered: model-00002-of-00006.safetensors; put them"});
  }
  folder_.write("m/model.safetensors.index.json", index);
  for (const int i : {1, 3, 4, 5, 6})
    fs::remove(folder_ / ("m/model-0000" + std::to_string(i) + "-of-00006.safetensors"));
  expect_problem({"6 of 6 weight files are missing", "and 3 more"});
}

TEST_F(ChosenShards, ATensorInAnotherShardThanTheIndexSays) {
  change_index([](Json& json) { json["weight_map"]["model.norm.weight"] = "model-00001-of-00006.safetensors"; });
  expect_stale("says that tensor model.norm.weight is in model-00001-of-00006.safetensors, where it is not");
}

TEST_F(ChosenShards, ATensorThatTheIndexForgets) {
  change_index([](Json& json) { json["weight_map"].erase("model.norm.weight"); });
  expect_stale("does not name every tensor");
}

TEST_F(ChosenShards, ATensorThatNoFileHoldsAndTheModelDoesNotNeed) {
  change_index([](Json& json) { json["weight_map"]["model.rotary.inv_freq"] = "model-00001-of-00006.safetensors"; });
  expect_stale("says that tensor model.rotary.inv_freq is in");
}

TEST_F(ChosenShards, AnIndexOfAnotherSetOfFiles) {
  change_index([](Json& json) {
    for (auto& entry : json["weight_map"]) entry = "model-00001-of-00009.safetensors";
  });
  expect_stale("names 1 file that is not there (model-00001-of-00009.safetensors)");
  // Only with a tensor lacking is a file missing; and nothing was downloaded.
  fs::remove(folder_ / "m/model-00002-of-00006.safetensors");
  expect_problem({"1 of 1 weight file is missing: model-00001-of-00009.safetensors",
                  "of another set of files than model-?-of-00006"});
  EXPECT_EQ(open_manifest(folder_ / "m").error().message.find("download"), std::string::npos);
}

TEST_F(ChosenShards, TwoSetsOfShards) {
  // The older one beside the one that the index names: the index decides.
  for (int i = 1; i <= 6; ++i)
    fs::copy_file(folder_ / fmt::format("m/model-0000{}-of-00006.safetensors", i),
                  folder_ / fmt::format("m/model-0000{}-of-00007.safetensors", i));
  const auto chosen = open_manifest(folder_ / "m");
  ASSERT_TRUE(chosen.ok()) << chosen.error().message;
  EXPECT_EQ(chosen->files.size(), 6u);
  EXPECT_EQ(chosen->decisions.size(), 1u);
  // Without an index nothing decides, unless one of them is not whole.
  fs::remove(folder_ / "m/model.safetensors.index.json");
  expect_problem({"it contains two whole sets of weights", "model-?-of-00006.safetensors (6 files)",
                  "model-?-of-00007.safetensors (6 files)"});
  fs::remove(folder_ / "m/model-00003-of-00007.safetensors");
  const auto whole = open_manifest(folder_ / "m");
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_NE(whole->files.front().find("of-00006"), std::string::npos);
}

TEST_F(ChosenShards, TotalSizeIsChecked) {
  change_index([](Json& json) { json["metadata"]["total_size"] = 5; });
  EXPECT_EQ(open_manifest(folder_ / "m")->remarks.size(), 1u);
}

TEST_F(ChosenShards, AWrongIndexBesideWholeFilesIsSaid) {
  for (const char* text : {"", "[]", "1", "{}", R"({"weight_map":{}})", R"({"weight_map":[]})", R"({"weight_map":1})",
                           R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":{}}})",
                           R"({"weight_map":{"a":"../b.safetensors"}})", R"({"weight_map":{"a":"/etc/passwd"}})",
                           R"({"weight_map":{"model.norm.weight":"./model-00001-of-00006.safetensors"}})",
                           R"({"weight_map":{"a":".safetensors"}})", R"({"weight_map":{"a":"b.bin"}})",
                           R"({"weight_map":{"a":"b.safetensors","a":"b.safetensors"}})",
                           R"({"weight_map":{"a":"b.safetensors"},"weight_map":{}})"}) {
    folder_.write("m/model.safetensors.index.json", text);
    const auto manifest = open_manifest(folder_ / "m");
    ASSERT_TRUE(manifest.ok()) << text << ": " << manifest.error().message;
    ASSERT_EQ(manifest->decisions.size(), 1u);
    EXPECT_TRUE(manifest->decisions[0].starts_with("model.safetensors.index.json is not used: "))
        << manifest->decisions[0];
    EXPECT_EQ(manifest->files.size(), 6u);
  }
  for (int i = 1; i <= 6; ++i) fs::remove(folder_ / fmt::format("m/model-0000{}-of-00006.safetensors", i));
  expect_problem({"model.safetensors.index.json: ", "there are no weight files beside it"});
}

}  // namespace
}  // namespace mxpath
