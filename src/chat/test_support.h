// What the tests of this folder share: the built-in tokenizer, JSON files, a small tokenizer.json.
#pragma once
#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "chat/byte_level.h"
#include "chat/tokenizer.h"

namespace mxpath {

inline const Tokenizer& builtin() {
  static const auto tokenizer = Tokenizer::builtin();
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return **tokenizer;
}

inline std::string data_path(const std::string& name) { return MXPATH_SOURCE_DIR "/tests/data/chat/" + name; }

inline Json read_json(const std::string& name) {
  const auto text = read_text_file(data_path(name));
  EXPECT_TRUE(text.ok()) << text.error().message;
  auto json = parse_json(*text, name);
  EXPECT_TRUE(json.ok()) << json.error().message;
  return *json;
}

/// CPU time of this thread: other programs on the machine do not count.
template <class Run>
double seconds(Run run) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  run();
  return now() - start;
}

/// A tokenizer.json with all bytes (ids 0–255), "ab" 256, "abc" 257, "bc" 258, " a" 259, and harmony specials from 300
/// on.
inline Json small_tokenizer() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[to_byte_level(std::string(1, static_cast<char>(byte)))] = byte;
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary["bc"] = 258;
  vocabulary["\u0120a"] = 259;
  Json added = Json::array();
  int id = 300;
  for (const char* name : {"<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|call|>",
                           "<|return|>", "<|endoftext|>"})
    added.push_back({{"id", id++},
                     {"content", name},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", Json::array({"b c", "a b", "ab c", "\u0120 a"})}}}};
}

}  // namespace mxpath
