#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "chat/pretokenize.h"
#include "chat/test_support.h"
#include "chat/tokenizer.h"

namespace mxpath {
namespace {

Result<std::shared_ptr<const Tokenizer>> load(const Json& json) { return Tokenizer::from_json(json.dump(), "t.json"); }

std::vector<Token> encode(const Json& json, std::string_view text) {
  const auto tokenizer = load(json);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return tokenizer.ok() ? (*tokenizer)->encode(text) : std::vector<Token>{};
}

// Goldens by hand: "b c" comes before "a b", so "abc" is a + bc, unless whole pieces go first.
TEST(TokenizerJson, MergesGoByTheirOrder) {
  Json json = small_tokenizer();
  EXPECT_EQ(encode(json, "abc"), (std::vector<Token>{'a', 258}));
  EXPECT_EQ(encode(json, "ab ab a"), (std::vector<Token>{256, ' ', 256, 259}));  // "a b" takes the a before "Ġ a" can
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(encode(json, "abc"), (std::vector<Token>{257}));
  EXPECT_EQ(encode(json, "abcc"), (std::vector<Token>{'a', 258, 'c'}));
  json["model"].erase("ignore_merges");
  EXPECT_EQ(encode(json, "abc"), (std::vector<Token>{'a', 258}));
}

TEST(TokenizerJson, MergesAsPairsAreTheSame) {
  Json json = small_tokenizer();
  const auto text = load(json);
  json["model"]["merges"] = Json::array({{"b", "c"}, {"a", "b"}, {"ab", "c"}, {"\u0120", "a"}});
  const auto pairs = load(json);
  ASSERT_TRUE(text.ok() && pairs.ok());
  for (const char* sample : {"abc", "ab ab abcabc", "\xc3\xa4", "a\n b"})
    EXPECT_EQ((*text)->encode(sample), (*pairs)->encode(sample));
}

TEST(TokenizerJson, SpecialTokensHaveTheirOwnIds) {
  const auto loaded = load(small_tokenizer());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Tokenizer& tokenizer = **loaded;
  EXPECT_EQ(tokenizer.special().start, 300);
  EXPECT_EQ(tokenizer.special().return_, 306);
  EXPECT_EQ(tokenizer.special().start_of_text, -1);
  EXPECT_EQ(tokenizer.special().largest, 307);
  EXPECT_EQ(tokenizer.size(), 308);
  EXPECT_EQ(tokenizer.source(), "t.json");
  EXPECT_EQ(tokenizer.encode("<|start|>").size(), 9u);
  EXPECT_EQ(tokenizer.encode_with_special("ab<|start|>"), (std::vector<Token>{256, 300}));
  EXPECT_FALSE(tokenizer.token_bytes(280).ok());
  EXPECT_TRUE(tokenizer.is_special(300));
}

// A special token that the vocabulary lists too must stay out of reach of ordinary text.
TEST(TokenizerJson, SpecialTokensInTheVocabularyAreNotText) {
  Json json = small_tokenizer();
  json["pre_tokenizer"]["use_regex"] = false;
  json["model"]["ignore_merges"] = true;
  json["model"]["vocab"]["<|start|>"] = 300;
  EXPECT_EQ(encode(json, "<|start|>").size(), 9u);
}

TEST(TokenizerJson, AddedTokensThatAreNotSpecialMatchInAllText) {
  Json json = small_tokenizer();
  json["added_tokens"].push_back({{"id", 400}, {"content", "a b"}, {"special", false}});
  json["added_tokens"].push_back({{"id", 401}, {"content", "a bc"}, {"special", false}});
  EXPECT_EQ(encode(json, "xa bcb"), (std::vector<Token>{'x', 401, 'b'}));
  EXPECT_EQ(encode(json, "xa b"), (std::vector<Token>{'x', 400}));
}

TEST(TokenizerJson, PreTokenizerForms) {
  Json json = small_tokenizer();
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  const auto split = [&](const Json& pattern) {
    json["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", pattern}, {"behavior", "Isolated"}, {"invert", false}}, byte_level}}};
    const auto tokenizer = load(json);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    return (*tokenizer)->pieces("it's  a.b 12345");
  };
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(split({{"Regex", std::string(o200k_pattern)}}), (Pieces{"it's", " ", " a", ".b", " ", "123", "45"}));
  EXPECT_EQ(split({{"Regex", std::string(gpt2_pattern)}}), (Pieces{"it", "'s", " ", " a", ".", "b", " 12345"}));
  EXPECT_EQ(split({{"String", "."}}), (Pieces{"it's  a", ".", "b 12345"}));
  json["pre_tokenizer"] = byte_level;
  EXPECT_EQ((*load(json))->pieces("it's a"), (Pieces{"it's a"}));
  json["pre_tokenizer"].erase("use_regex");
  EXPECT_EQ((*load(json))->pieces("it's a"), (Pieces{"it", "'s", " a"}));
}

struct Bad {
  const char* name;
  std::function<void(Json&)> spoil;
  const char* message;  // part of the sentence
};

const Bad bad_files[] = {
    {"no model", [](Json& j) { j.erase("model"); }, "\"model\" is missing"},
    {"wordpiece", [](Json& j) { j["model"]["type"] = "WordPiece"; }, "model.type is \"WordPiece\""},
    {"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, "model.dropout"},
    {"prefix", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }, "continuing_subword_prefix"},
    {"suffix", [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }, "end_of_word_suffix"},
    {"byte fallback", [](Json& j) { j["model"]["byte_fallback"] = true; }, "byte_fallback"},
    {"ignore_merges text", [](Json& j) { j["model"]["ignore_merges"] = "yes"; }, "ignore_merges"},
    {"no vocab", [](Json& j) { j["model"].erase("vocab"); }, "model.vocab is missing"},
    {"vocab list", [](Json& j) { j["model"]["vocab"] = Json::array(); }, "model.vocab is missing"},
    {"vocab value text", [](Json& j) { j["model"]["vocab"]["ab"] = "256"; }, "\"ab\" is not an integer"},
    {"vocab value float", [](Json& j) { j["model"]["vocab"]["ab"] = 256.5; }, "\"ab\" is not an integer"},
    {"negative id", [](Json& j) { j["model"]["vocab"]["ab"] = -1; }, "the id -1"},
    {"huge id", [](Json& j) { j["model"]["vocab"]["ab"] = 1LL << 40; }, "ids go from 0"},
    {"id of 2^64-1", [](Json& j) { j["model"]["vocab"]["ab"] = UINT64_MAX; }, "ids go from 0"},
    {"id twice", [](Json& j) { j["model"]["vocab"]["ab"] = 257; }, "the id 257"},
    {"empty token", [](Json& j) { j["model"]["vocab"][""] = 290; }, "an empty token"},
    {"outside the alphabet", [](Json& j) { j["model"]["vocab"]["a b"] = 290; }, "not in the byte-level alphabet"},
    {"above the alphabet", [](Json& j) { j["model"]["vocab"]["\u0144"] = 290; }, "not in the byte-level alphabet"},
    {"byte missing", [](Json& j) { j["model"]["vocab"].erase("z"); }, "lacks the byte 0x7a"},
    {"no merges", [](Json& j) { j["model"].erase("merges"); }, "model.merges is missing"},
    {"merge of one part", [](Json& j) { j["model"]["merges"].push_back("ab"); }, "model.merges[4]"},
    {"merge of three parts", [](Json& j) { j["model"]["merges"].push_back("a b c"); }, "model.merges[4]"},
    {"merge pair of one", [](Json& j) { j["model"]["merges"].push_back({"a"}); }, "1 parts"},
    {"merge pair of three",
     [](Json& j) {
       j["model"]["merges"].push_back({"a", "b", "c"});
     },
     "3 parts"},
    {"merge number", [](Json& j) { j["model"]["merges"].push_back(3); }, "is not \"a b\""},
    {"merge pair of numbers",
     [](Json& j) {
       j["model"]["merges"].push_back({1, 2});
     },
     "is not \"a b\""},
    {"merge part unknown", [](Json& j) { j["model"]["merges"].push_back("zz a"); }, "the first is not"},
    {"merge result unknown", [](Json& j) { j["model"]["merges"].push_back("c a"); }, "the result is not"},
    {"merge with an empty part", [](Json& j) { j["model"]["merges"].push_back(" a"); }, "the first is not"},
    {"merge alphabet", [](Json& j) { j["model"]["merges"].push_back("\u4e00 a"); }, "outside the byte-level alphabet"},
    {"merge twice", [](Json& j) { j["model"]["merges"].push_back("a b"); }, "model.merges[4] repeats"},
    {"normalizer",
     [](Json& j) {
       j["normalizer"] = {{"type", "NFC"}};
     },
     "normalizer is"},
    {"no pre_tokenizer", [](Json& j) { j["pre_tokenizer"] = nullptr; }, "pre_tokenizer"},
    {"prefix space", [](Json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }, "add_prefix_space"},
    {"prefix space by default", [](Json& j) { j["pre_tokenizer"].erase("add_prefix_space"); }, "add_prefix_space"},
    {"whitespace pre_tokenizer",
     [](Json& j) {
       j["pre_tokenizer"] = {{"type", "Whitespace"}};
     },
     "Whitespace"},
    {"empty sequence",
     [](Json& j) {
       j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array()}};
     },
     "without a list"},
    {"template",
     [](Json& j) {
       j["post_processor"] = {{"type", "TemplateProcessing"}};
     },
     "post_processor"},
    {"decoder",
     [](Json& j) {
       j["decoder"] = {{"type", "Metaspace"}};
     },
     "decoder"},
    {"added list", [](Json& j) { j["added_tokens"] = 5; }, "added_tokens is not a list"},
    {"added id", [](Json& j) { j["added_tokens"][0]["id"] = "300"; }, "added_tokens[0].id"},
    {"added id range", [](Json& j) { j["added_tokens"][0]["id"] = 1LL << 33; }, "added_tokens[0].id"},
    {"added content", [](Json& j) { j["added_tokens"][1]["content"] = ""; }, "added_tokens[1].content"},
    {"added special", [](Json& j) { j["added_tokens"][1]["special"] = 1; }, "added_tokens[1].special"},
    {"added lstrip", [](Json& j) { j["added_tokens"][1]["lstrip"] = true; }, "added_tokens[1].lstrip"},
    {"added id twice", [](Json& j) { j["added_tokens"][1]["id"] = 300; }, "id 300 twice"},
    {"added text twice", [](Json& j) { j["added_tokens"][1]["content"] = "<|start|>"; }, "\"<|start|>\" twice"},
    {"added id is another token", [](Json& j) { j["added_tokens"][1]["id"] = 256; }, "id 256 is \"ab\""},
    {"added text has another id", [](Json& j) { j["model"]["vocab"]["<|start|>"] = 299; },
     "the id 299 in model.vocab and 300"},
    {"split removed",
     [](Json& j) {
       j["pre_tokenizer"] = {
           {"type", "Sequence"},
           {"pretokenizers",
            {{{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Removed"}}, j["pre_tokenizer"]}}};
     },
     "Isolated"},
    {"split regex",
     [](Json& j) {
       j["pre_tokenizer"] = {
           {"type", "Sequence"},
           {"pretokenizers",
            {{{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}}, j["pre_tokenizer"]}}};
     },
     "not a regular expression"},
};

TEST(TokenizerJson, EveryDepartureIsOneSentence) {
  ASSERT_TRUE(load(small_tokenizer()).ok());
  for (const Bad& bad : bad_files) {
    Json json = small_tokenizer();
    bad.spoil(json);
    const auto result = load(json);
    ASSERT_FALSE(result.ok()) << bad.name;
    EXPECT_TRUE(result.error().message.starts_with("t.json: ")) << result.error().message;
    EXPECT_NE(result.error().message.find(bad.message), std::string::npos)
        << bad.name << ": " << result.error().message;
  }
}

TEST(TokenizerJson, NotJson) {
  const std::string good = small_tokenizer().dump();
  for (size_t cut = 0; cut < good.size(); cut += 97)
    EXPECT_FALSE(Tokenizer::from_json(good.substr(0, cut), "t.json").ok()) << cut;
  for (const std::string& text :
       {std::string("[]"), std::string("null"), good + "x", std::string(100'000, '['), std::string("{\"a\":\"\xff\"}"),
        std::string(R"({"model":{"vocab":{"a":{"b":1}}}})"), std::string(R"({"model":{"merges":[[["a"]]]}})"),
        std::string(R"({"model":{},"model":{}})"), std::string(R"({"model":{"vocab":{},"vocab":{}}})")})
    EXPECT_FALSE(Tokenizer::from_json(text, "t.json").ok()) << text.substr(0, 40);
}

TEST(TokenizerForModel, FolderDecides) {
  const auto folder = std::filesystem::temp_directory_path() / ("mxpath_chat_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto builtin_one = Tokenizer::for_model(folder.string());
  ASSERT_TRUE(builtin_one.ok());
  EXPECT_EQ((*builtin_one)->source(), "built-in o200k_harmony");
  std::ofstream(folder / "tokenizer.json") << small_tokenizer().dump();
  const auto own = Tokenizer::for_model(folder.string());
  ASSERT_TRUE(own.ok()) << own.error().message;
  EXPECT_EQ((*own)->encode("ab"), std::vector<Token>{256});
  std::filesystem::remove(folder / "tokenizer.json");
  std::filesystem::create_symlink("nowhere", folder / "tokenizer.json");
  EXPECT_FALSE(Tokenizer::for_model(folder.string()).ok());
  std::filesystem::remove_all(folder);
}

TEST(TokenizerJson, ThreadsMayShareOne) {
  const std::string text = "Threads share one vocabulary, \xec\x95\x88\xeb\x85\x95 12345.";
  const auto expected = builtin().encode(text);
  std::vector<std::vector<Token>> got(4);
  std::vector<std::thread> threads;
  for (auto& ids : got)
    threads.emplace_back([&ids, &text] {
      for (int i = 0; i < 50; ++i) ids = builtin().encode(text);
    });
  for (auto& thread : threads) thread.join();
  for (const auto& ids : got) EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace mxpath
