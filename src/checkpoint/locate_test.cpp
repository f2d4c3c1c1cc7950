#include "checkpoint/locate.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

class Locate : public ::testing::Test {
 protected:
  std::string found(const std::string& model) {
    const auto result = locate_model(model, places_);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? *result : "";
  }
  std::string problem(const std::string& model) {
    const auto result = locate_model(model, places_);
    EXPECT_FALSE(result.ok());
    return result.ok() ? "" : result.error().message;
  }
  void add_snapshot(const std::string& repository, const std::string& commit) {
    folder_.write("hub/" + repository + "/snapshots/" + commit + "/config.json", "{}");
    folder_.write("hub/" + repository + "/snapshots/" + commit + "/model.safetensors", "x");
  }

  TestFolder folder_;
  ModelPlaces places_{folder_ / "demo", folder_ / "hub"};
  std::string cached_ = "hub/models--openai--gpt-oss-20b/";
};

TEST_F(Locate, Demo) {
  EXPECT_NE(problem("demo").find("models/demo"), std::string::npos);
  fs::create_directory(folder_ / "demo");
  EXPECT_EQ(found("demo"), folder_ / "demo");
}

TEST_F(Locate, FoldersAndFilesInThem) {
  folder_.write("m/config.json", "{}");
  folder_.write("m/model.safetensors", "x");
  folder_.write("m/model.gguf", "x");
  EXPECT_EQ(found(folder_ / "m"), folder_ / "m");
  EXPECT_EQ(found(folder_ / "m/config.json"), folder_ / "m");
  EXPECT_EQ(found(folder_ / "m/model.safetensors"), folder_ / "m");
  EXPECT_NE(problem(folder_ / "m/model.gguf").find("GGUF"), std::string::npos);
  EXPECT_NE(problem(folder_ / "none").find("no such folder"), std::string::npos);
  fs::create_directory(folder_ / "empty");
  EXPECT_NE(problem(folder_ / "empty").find("the folder is empty"), std::string::npos);
  EXPECT_EQ(locate_model("", places_).error().kind, ErrorKind::wrong_use);
}

TEST_F(Locate, NameNotInTheCache) {
  EXPECT_NE(problem("openai/gpt-oss-20b")
                .find("hf download openai/gpt-oss-20b --exclude \"original/*\" --exclude \"metal/*\""),
            std::string::npos);
  EXPECT_NE(problem("gpt-oss-20b").find("hf download openai/gpt-oss-20b"), std::string::npos);
  EXPECT_NE(problem("../x").find("no such folder"), std::string::npos);
  EXPECT_NE(problem("a/../b").find("no such folder"), std::string::npos);
}

TEST_F(Locate, MainOrElseTheNewestSnapshot) {
  add_snapshot("models--openai--gpt-oss-20b", "aaa");
  add_snapshot("models--openai--gpt-oss-20b", "bbb");
  fs::last_write_time(folder_ / (cached_ + "snapshots/bbb"), fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
  folder_.write(cached_ + "refs/main", "bbb\n");
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/bbb"));
  folder_.write(cached_ + "refs/main", "gone");
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
  folder_.write(cached_ + "refs/main", "../../..");
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
  EXPECT_EQ(found("gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
  add_snapshot("models--unsloth--gpt-oss-20b", "ccc");
  EXPECT_NE(problem("gpt-oss-20b").find("could be meant: openai/gpt-oss-20b, unsloth/gpt-oss-20b;"), std::string::npos);
  add_snapshot("models--Unsloth--gpt-oss-20b", "ddd");
  EXPECT_NE(problem("UNSLOTH/gpt-oss-20b").find("could be meant: Unsloth/gpt-oss-20b, unsloth/gpt-oss-20b;"),
            std::string::npos);
  EXPECT_EQ(found("unsloth/gpt-oss-20b"), folder_ / "hub/models--unsloth--gpt-oss-20b/snapshots/ccc");
}

TEST_F(Locate, UnfinishedDownloads) {
  fs::create_directories(folder_ / (cached_ + "blobs"));
  EXPECT_NE(problem("openai/gpt-oss-20b").find("no snapshot yet"), std::string::npos);
  folder_.write(cached_ + "snapshots/aaa/config.json", "{}");
  folder_.write(cached_ + "blobs/123.incomplete", "x");
  EXPECT_NE(problem("openai/gpt-oss-20b").find("its weights are not complete; repeat `hf download openai/gpt-oss-20b"),
            std::string::npos);
  fs::create_symlink("../../blobs/123", folder_ / (cached_ + "snapshots/aaa/model.safetensors"));
  EXPECT_NE(problem("openai/gpt-oss-20b").find("model.safetensors is a link to a file that is not there"),
            std::string::npos);
  fs::rename(folder_ / (cached_ + "blobs/123.incomplete"), folder_ / (cached_ + "blobs/123"));
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
}

TEST_F(Locate, TheNewestWholeSnapshotIsTakenAndSaid) {
  write_tiny(folder_ / (cached_ + "snapshots/aaaaaaaaaaaa"));
  folder_.write(cached_ + "snapshots/bbbbbbbbbbbb/config.json", "{}");
  const auto taken = [&] { return locate("openai/gpt-oss-20b", places_).value(); };
  EXPECT_EQ(taken().folder, folder_ / (cached_ + "snapshots/aaaaaaaaaaaa"));
  folder_.write(cached_ + "refs/main", "bbbbbbbbbbbb");
  EXPECT_EQ(taken().folder, folder_ / (cached_ + "snapshots/aaaaaaaaaaaa"));
  ASSERT_EQ(taken().decisions.size(), 1u);
  EXPECT_EQ(taken().decisions[0],
            "openai/gpt-oss-20b: snapshot aaaaaaaa is used, because bbbbbbbb, which main names, is not a whole model: "
            "it has no weights");
  // Shards that an index names and that are not there; a model whose files are whole does not mind.
  write_tiny(folder_ / (cached_ + "snapshots/cccccccccccc"), CheckpointLayout::hugging_face_mxfp4, 50000);
  folder_.write(cached_ + "refs/main", "cccccccccccc");
  EXPECT_EQ(taken().folder, folder_ / (cached_ + "snapshots/cccccccccccc"));
  fs::remove(folder_ / (cached_ + "snapshots/cccccccccccc/model-00002-of-00006.safetensors"));
  EXPECT_EQ(taken().folder, folder_ / (cached_ + "snapshots/aaaaaaaaaaaa"));
  fs::remove_all(folder_ / (cached_ + "snapshots/aaaaaaaaaaaa"));
  EXPECT_NE(problem("openai/gpt-oss-20b").find("its download into"), std::string::npos);
  EXPECT_NE(problem("openai/gpt-oss-20b").find("files of its weights are missing"), std::string::npos);
}

TEST_F(Locate, ARevisionChosenByHand) {
  for (const char* commit : {"aaaaaaaa1", "aaaaaaaa2", "bbbbbbbb3"})
    add_snapshot("models--openai--gpt-oss-20b", commit);
  folder_.write(cached_ + "refs/main", "aaaaaaaa1");
  folder_.write(cached_ + "refs/v1.0", "aaaaaaaa2");
  folder_.write(cached_ + "refs/refs/pr/7", "bbbbbbbb3");
  const auto commit = [&](const std::string& revision) {
    return fs::path(found("openai/gpt-oss-20b@" + revision)).filename().string();
  };
  EXPECT_EQ(commit("main"), "aaaaaaaa1");
  EXPECT_EQ(commit("v1.0"), "aaaaaaaa2");
  EXPECT_EQ(commit("refs/pr/7"), "bbbbbbbb3");
  EXPECT_EQ(commit("pr/7"), "bbbbbbbb3");
  EXPECT_EQ(commit("bbbb"), "bbbbbbbb3");
  EXPECT_EQ(commit("aaaaaaaa2"), "aaaaaaaa2");
  for (const char* none : {"aaaa", "v2", "../refs/main", "/etc/passwd"})
    EXPECT_NE(problem(std::string("openai/gpt-oss-20b@") + none).find("hf download openai/gpt-oss-20b --revision"),
              std::string::npos)
        << none;
  folder_.write(cached_ + "refs/main", "cccccccc4");
  EXPECT_NE(
      problem("openai/gpt-oss-20b@main").find("its revision main is snapshot cccccccc4, which is not in the cache"),
      std::string::npos);
  EXPECT_NE(problem("openai/gpt-oss-20b@v2").find("which has v1.0, refs/pr/7"), std::string::npos)
      << problem("openai/gpt-oss-20b@v2");
}

TEST_F(Locate, NamesThatOtherProgramsTake) {
  add_snapshot("models--openai--gpt-oss-20b", "aaa");
  const std::string snapshot = folder_ / (cached_ + "snapshots/aaa");
  folder_.write(cached_ + "refs/v1", "aaa");
  for (const char* name :
       {"openai/gpt-oss-20b/", "openai/gpt-oss-20b//", "OpenAI/GPT-OSS-20B", "models--openai--gpt-oss-20b",
        "https://huggingface.co/openai/gpt-oss-20b", "http://huggingface.co/openai/gpt-oss-20b/",
        "huggingface.co/openai/gpt-oss-20b", "https://hf.co/openai/gpt-oss-20b", "hf.co/openai/gpt-oss-20b",
        "hf://openai/gpt-oss-20b", "https://huggingface.co/openai/gpt-oss-20b/tree/v1",
        "https://huggingface.co/openai/gpt-oss-20b/blob/aaa/config.json",
        "https://huggingface.co/openai/gpt-oss-20b?library=transformers", "openai/gpt-oss-20b@v1", "gpt-oss:20b",
        "gpt-oss", "ollama/gpt-oss:20b", "https://ollama.com/library/gpt-oss:20b"})
    EXPECT_EQ(found(name), snapshot) << name;
  for (const char* name :
       {"git@hf.co:openai/gpt-oss-20b", "ssh://git@hf.co/openai/gpt-oss-20b", "hf://models/openai/gpt-oss-20b",
        "https://huggingface.co/openai/gpt-oss-20b.git", "https://huggingface.co/models/openai/gpt-oss-20b",
        "https://huggingface.co/api/models/openai/gpt-oss-20b", "hf.co/openai/gpt-oss-20b@v1"})
    EXPECT_EQ(found(name), snapshot) << name;
  for (const char* below : {"", "/snapshots/aaa", "/snapshots/aaa/config.json", "/snapshots", "/refs/v1", "/refs"})
    EXPECT_EQ(found(std::string("models--openai--gpt-oss-20b") + below), snapshot) << below;
  for (const char* below : {"", "/", "snapshots", "snapshots/", "refs", "blobs"}) {
    fs::create_directories(folder_ / (cached_ + "blobs"));
    EXPECT_EQ(found(folder_ / (cached_ + below)), snapshot) << below;
  }
  EXPECT_EQ(locate("gpt-oss:20b", places_)->decisions.size(), 1u);
  EXPECT_EQ(found("file://" + snapshot), snapshot);
}

TEST_F(Locate, FormsThatAreRecognisedAndNotResolved) {
  add_snapshot("models--openai--gpt-oss-20b", "aaa");
  for (const auto& [name, part] : std::vector<std::pair<std::string, std::string>>{
           {"gpt-oss:120b", "Ollama's name of openai/gpt-oss-120b"},
           {"gpt-oss:7b", "a model of Ollama"},
           {"llama3:8b", "a model of Ollama"},
           {"https://huggingface.co/datasets/openai/gsm8k", "not that of a model"},
           {"https://huggingface.co", "the hub itself"},
           {"https://example.org/model", "mxpath fetches nothing"},
           {"https://huggingface.co/openai/gpt-oss-20b/tree/v9", "its revision v9 is not in the cache"},
           {"https://hf.co/unsloth/gpt-oss-20b-GGUF:Q4_K_M",
            "GGUF files of unsloth/gpt-oss-20b-GGUF, of which `mxpath convert`"},
           {"hf.co/openai/gpt-oss-20b:Q4_K_M", "its tag Q4_K_M names one of the GGUF files of openai/gpt-oss-20b"},
           {"https://huggingface.co/models", "the hub itself"},
           {"models--openai--gpt-oss-20b/snapshots/bbb", "its revision bbb is not in the cache"},
           {"$MXPATH_NO_SUCH_VARIABLE/m", "the variable MXPATH_NO_SUCH_VARIABLE is not set"},
           {folder_ / "hub", "a Hugging Face cache, not a model; name one of the models in it: openai/gpt-oss-20b"}})
    EXPECT_NE(problem(name).find(part), std::string::npos) << name << ": " << problem(name);
}

TEST_F(Locate, FilesOfOtherStores) {
  folder_.write("ollama/blobs/sha256-ab12", "GGUF....");
  folder_.write("ollama/manifests/registry.ollama.ai/library/gpt-oss/20b",
                R"({"layers": [{"mediaType": "x"}, )"
                R"({"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:ab12"}]})");
  folder_.write("lms/openai/gpt-oss-20b/gpt-oss-20b-MXFP4.gguf", "GGUF....");
  places_.ollama_stores = {folder_ / "none", folder_ / "ollama"};
  const std::string convert = "`mxpath convert " + (folder_ / "ollama/blobs/sha256-ab12") + " FOLDER --to mxfp4`";
  for (const std::string& model : {std::string("gpt-oss:20b"), folder_ / "ollama/blobs/sha256-ab12",
                                   folder_ / "ollama/manifests/registry.ollama.ai/library/gpt-oss/20b"})
    EXPECT_NE(problem(model).find(convert), std::string::npos) << problem(model);
  EXPECT_NE(problem(folder_ / "ollama").find("the store of Ollama"), std::string::npos);
  places_.lmstudio_stores = {folder_ / "lms"};
  EXPECT_NE(problem("openai/gpt-oss-20b").find("`mxpath convert " + (folder_ / "lms/openai/gpt-oss-20b")),
            std::string::npos);
}

TEST_F(Locate, WhichVariableGaveTheCache) {
  places_.hub_cache_variable = "HF_HOME";
  EXPECT_NE(problem("openai/gpt-oss-20b").find("hub (from HF_HOME)"), std::string::npos);
}

TEST(DefaultHubCache, FollowsTheVariablesOfHuggingFace) {
  const auto set = [](const char* name, const char* value) { value ? ::setenv(name, value, 1) : ::unsetenv(name); };
  const auto expect = [](const char* folder, const char* variable) {
    EXPECT_EQ(default_hub_cache().folder, folder);
    EXPECT_EQ(default_hub_cache().variable, variable);
  };
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) set(name, nullptr);
  set("HOME", "/h");
  expect("/h/.cache/huggingface/hub", "");
  set("XDG_CACHE_HOME", "$HOME/x");
  expect("/h/x/huggingface/hub", "XDG_CACHE_HOME");
  set("HF_HOME", "~/f");
  expect("/h/f/hub", "HF_HOME");
  set("HUGGINGFACE_HUB_CACHE", "${HOME}/old");
  expect("/h/old", "HUGGINGFACE_HUB_CACHE");
  set("HF_HUB_CACHE", "/c");
  expect("/c", "HF_HUB_CACHE");
}

}  // namespace
}  // namespace mxpath
