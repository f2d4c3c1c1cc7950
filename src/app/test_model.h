// A small random model that speaks through the demo model's tokenizer, for tests.
#pragma once
#include <filesystem>

#include "checkpoint/random_checkpoint.h"
#include "checkpoint/test_folder.h"

namespace mxpath {

/// Fills `folder`/chat: what it says is noise, but it says it in a real vocabulary.
inline std::string write_chat_model(const TestFolder& folder, int vocab = 2048) {
  RandomCheckpoint what;
  what.config = tiny_config();
  what.config.vocab = vocab;
  const std::string path = folder / "chat";
  EXPECT_TRUE(write_random_checkpoint(path, what).ok());
  std::filesystem::copy_file(MXPATH_SOURCE_DIR "/models/demo/tokenizer.json", path + "/tokenizer.json");
  return path;
}

}  // namespace mxpath
