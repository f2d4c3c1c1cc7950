// `mxpath run --prompt-cache`: what one run has read, the next does not read again.
#include <gtest/gtest.h>

#include "base/json.h"
#include "checkpoint/test_folder.h"
#include "run_program.h"

namespace mxpath {
namespace {

class PromptCache : public testing::Test {
 protected:
  /// One answer of the demo model, as JSON.
  Json ask(const std::string& prompt, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"run", "demo", prompt, "--json", "--no-date", "--temperature", "0", "--max-new-tokens",
                               "12", "--device", "cpu", "--prompt-cache", path});
    const Ran ran = run_mxpath(more);
    told = ran.err;
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.code == 0 ? Json::parse(ran.out) : Json();
  }

  TestFolder folder;
  std::string path = folder / "prompts", told;
  std::string long_prompt = "Add " + std::string(400, '1') + " and 2";
};

TEST_F(PromptCache, NextRunGoesOnFromIt) {
  const Json first = ask(long_prompt), second = ask(long_prompt);
  EXPECT_EQ(first["timing"]["reused_tokens"], 0);
  EXPECT_EQ(second["timing"]["reused_tokens"], first["timing"]["prompt_tokens"].get<int>() - 1);
  EXPECT_EQ(second["tokens"], first["tokens"]);
  EXPECT_EQ(told, "");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"prompts"});
}

TEST_F(PromptCache, FileOfOtherSettingsIsWrittenAnew) {
  ask(long_prompt);
  EXPECT_EQ(ask(long_prompt, {"--kv", "int8"})["timing"]["reused_tokens"], 0);
  EXPECT_EQ(told,
            "mxpath: " + path + ": its keys and values are bf16, not int8; it is not used, and will be written anew\n");
  EXPECT_GT(ask(long_prompt, {"--kv", "int8"})["timing"]["reused_tokens"], 0);
  std::filesystem::resize_file(path, 5000);
  EXPECT_EQ(ask(long_prompt, {"--kv", "int8"})["timing"]["reused_tokens"], 0);
  EXPECT_EQ(told, "mxpath: " + path + ": this file of prompts is damaged; it is not used, and will be written anew\n");
}

TEST_F(PromptCache, BatchLeavesOneToo) {
  folder.write("questions", "{\"prompt\": \"Add 3 and 4\"}\n{\"prompt\": \"" + long_prompt + "\"}\n");
  const Ran batch = run_mxpath({"run", "demo", "--batch", folder / "questions", "--prompt-cache", path, "--no-date",
                                "--device", "cpu", "--max-new-tokens", "4"});
  EXPECT_EQ(batch.code, 0) << batch.err;
  const Json timing = ask(long_prompt)["timing"];
  EXPECT_EQ(timing["reused_tokens"], timing["prompt_tokens"].get<int>() - 1) << told;
}

TEST_F(PromptCache, FileThatCannotBeWrittenIsToldBeforeTheModelIsLoaded) {
  folder.write("notes", "my notes");
  for (const std::string& bad : {folder / "notes", folder / "none/prompts", folder.path()}) {
    const Ran ran = run_mxpath({"run", "no-such-model", "hello", "--prompt-cache", bad});
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find(bad + ": "), std::string::npos) << ran.err;
  }
  EXPECT_EQ(folder.read("notes"), "my notes");
  EXPECT_EQ(run_mxpath({"run", "demo", "hello", "--no-kv-cache", "--prompt-cache", path}).code, 2);
}

}  // namespace
}  // namespace mxpath
