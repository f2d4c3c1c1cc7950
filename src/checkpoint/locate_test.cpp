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
  EXPECT_NE(problem("openai/gpt-oss-20b").find("hf download openai/gpt-oss-20b --exclude \"original/*\" --exclude \"metal/*\""),
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
  EXPECT_NE(problem("gpt-oss-20b").find("neither a folder nor"), std::string::npos);  // whose? both are cached
}

TEST_F(Locate, UnfinishedDownloads) {
  fs::create_directories(folder_ / (cached_ + "blobs"));
  EXPECT_NE(problem("openai/gpt-oss-20b").find("no snapshot yet"), std::string::npos);
  folder_.write(cached_ + "snapshots/aaa/config.json", "{}");
  folder_.write(cached_ + "blobs/123.incomplete", "x");
  EXPECT_NE(problem("openai/gpt-oss-20b").find("its weights are not complete; repeat `hf download openai/gpt-oss-20b"), std::string::npos);
  fs::create_symlink("../../blobs/123", folder_ / (cached_ + "snapshots/aaa/model.safetensors"));
  EXPECT_NE(problem("openai/gpt-oss-20b").find("model.safetensors is a link to a file that is not there"), std::string::npos);
  fs::rename(folder_ / (cached_ + "blobs/123.incomplete"), folder_ / (cached_ + "blobs/123"));
  EXPECT_EQ(found("openai/gpt-oss-20b"), folder_ / (cached_ + "snapshots/aaa"));
}

TEST(DefaultHubCache, FollowsTheVariablesOfHuggingFace) {
  const auto set = [](const char* name, const char* value) { value ? ::setenv(name, value, 1) : ::unsetenv(name); };
  for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) set(name, nullptr);
  set("HOME", "/h");
  EXPECT_EQ(default_hub_cache(), "/h/.cache/huggingface/hub");
  set("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(default_hub_cache(), "/x/huggingface/hub");
  set("HF_HOME", "/f");
  EXPECT_EQ(default_hub_cache(), "/f/hub");
  set("HF_HUB_CACHE", "/c");
  EXPECT_EQ(default_hub_cache(), "/c");
}

}  // namespace
}  // namespace mxpath
