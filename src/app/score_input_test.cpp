#include "app/score_input.h"

#include <gtest/gtest.h>

#include "app/reports/texts_report.h"
#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

class ScoreInputs : public testing::Test {
 protected:
  ScoreInputs() {
    files.tokenizer = Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value();
    files.manifest.config.vocab = files.tokenizer->size();
  }
  std::string error_of(std::string_view lines) {
    const auto texts = parse_score_lines(lines, "t.txt", files);
    return texts.ok() ? "" : texts.error().message;
  }
  ModelFiles files;
  TestFolder folder;
};

TEST_F(ScoreInputs, LinesAreTextsOrObjects) {
  const auto texts =
      parse_score_lines("one two\r\n\n \t\n{\"text\": \"a\\nb\"}\n{\"tokens\": [1, 2, 3]}", "t.txt", files);
  ASSERT_TRUE(texts.ok()) << texts.error().message;
  ASSERT_EQ(texts->size(), 3u);
  EXPECT_EQ((*texts)[0].name, "t.txt:1");
  EXPECT_EQ((*texts)[0].tokens, files.tokenizer->encode("one two"));
  EXPECT_EQ((*texts)[1].name, "t.txt:4");
  EXPECT_EQ((*texts)[1].tokens, files.tokenizer->encode("a\nb"));
  EXPECT_EQ((*texts)[2].tokens, (std::vector<Token>{1, 2, 3}));
}

TEST_F(ScoreInputs, EveryDefectIsNamedWithItsLine) {
  EXPECT_EQ(error_of("\n \n"), "t.txt: there is no text in it");
  EXPECT_NE(error_of("one\n{\"text\": ").find("t.txt:2: not valid JSON"), std::string::npos);
  for (const char* line :
       {"{}", "{\"prompt\": \"a\"}", "{\"text\": \"a\", \"tokens\": [1]}", "{\"text\": \"a\", \"id\": 1}"})
    EXPECT_EQ(error_of(line), "t.txt:1: expected an object with \"text\" or \"tokens\" alone") << line;
  EXPECT_EQ(error_of("{\"text\": \"\"}"), "t.txt:1: \"text\" must be a text that is not empty");
  EXPECT_EQ(error_of("{\"text\": 5}"), "t.txt:1: \"text\" must be a text that is not empty");
  EXPECT_NE(error_of("{\"tokens\": [99999999]}").find("t.txt:1"), std::string::npos);
}

TEST_F(ScoreInputs, FilesAreTextsAsTheyStand) {
  folder.write("a.txt", "<|start|>one\n");
  const auto text = read_score_file(folder / "a.txt", files);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->tokens, files.tokenizer->encode("<|start|>one\n"));
  folder.write("a.txt", "");
  EXPECT_NE(read_score_file(folder / "a.txt", files).error().message.find("is empty"), std::string::npos);
  EXPECT_FALSE(read_score_file(folder / "none", files).ok());
}

TEST(TextsReport, SaysWhatThereIs) {
  TextScore score;
  score.logprobs = {-1, -2}, score.sum = -3, score.windows = 1;
  EXPECT_EQ(text_line("a.txt", score), "         3       4.4817  a.txt\n");
  EXPECT_EQ(text_line("b.txt", {}), "         1            -  b.txt\n");
  EXPECT_EQ(text_json("b.txt", {})["perplexity"], Json());
  TextsTotal total{.texts = 2, .scored = 2, .sum = -3, .read = 4, .windows = 2, .seconds = 2};
  EXPECT_EQ(total_text(total, 300, 150), "perplexity 4.4817 over 2 tokens of 2 texts\n");
  EXPECT_EQ(total_json(total)["tokens_per_second"], 2);
  total.windows = 3;
  EXPECT_EQ(total_text(total, 300, 150),
            "perplexity 4.4817 over 2 tokens of 2 texts, in windows of 300 tokens every 150\n");
  EXPECT_EQ(total_json({})["perplexity"], Json());
}

}  // namespace
}  // namespace mxpath
