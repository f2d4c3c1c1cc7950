#include "engine/score_texts.h"

#include <gtest/gtest.h>

#include <numeric>

#include "checkpoint/test_folder.h"
#include "engine/load.h"
#include "engine/session.h"
#include "kernels/catalogue.h"
#include "machine/probe.h"

namespace mxpath {
namespace {

std::vector<int32_t> text_of(int length, int kind) {
  std::vector<int32_t> text(static_cast<size_t>(length));
  for (int i = 0; i < length; ++i) text[static_cast<size_t>(i)] = (i * 7 + i / 5 + kind * 31) % 200;
  return text;
}

TEST(ScoreWindows, CountEachTokenButTheFirstOnce) {
  for (size_t tokens = 1; tokens < 40; ++tokens)
    for (size_t context = 2; context < 12; ++context)
      for (size_t stride = 1; stride < context; ++stride) {
        size_t next = 1;
        for (const ScoreWindow& w : score_windows(3, tokens, context, stride)) {
          EXPECT_EQ(w.text, 3u);
          EXPECT_EQ(w.counted, next);
          EXPECT_LE(w.end - w.begin, context);
          EXPECT_TRUE(w.begin == 0 || w.counted - w.begin >= context - stride) << "a token with little before it";
          next = w.end;
        }
        EXPECT_EQ(next, std::max<size_t>(tokens, 1));
      }
}

class ScoreTexts : public testing::Test {
 protected:
  ScoreTexts() {
    write_tiny(folder / "model");
    policy.device = DeviceChoice::cpu, policy.threads = 2, policy.context = 300, policy.chunk = 64;
    policy.only = {"*.portable.*"};  // one row for any number of tokens
  }
  void load() {
    static const Machine machine = probe_machine();
    auto model = load_model(folder / "model", catalogue(), machine, policy);
    ASSERT_TRUE(model.ok()) << model.error().message;
    loaded = std::move(model).value();
    session = std::make_unique<Session>(Session::create(loaded->model, *loaded->threads).value());
  }
  std::vector<TextScore> score(const std::vector<std::vector<int32_t>>& texts, ScoreTextsOptions options = {}) {
    std::vector<TextScore> scores;
    options.on_text = [&](size_t text, const TextScore& one) {
      EXPECT_EQ(text, scores.size()) << "not in order";
      scores.push_back(one);
    };
    const auto done = score_texts(session->executor(), texts, options);
    EXPECT_TRUE(done.ok() && *done) << (done.ok() ? "stopped" : done.error().message);
    return scores;
  }
  std::vector<double> alone(std::span<const int32_t> tokens) { return session->score(tokens, 0).value().logprobs; }

  TestFolder folder;
  Policy policy;
  std::unique_ptr<LoadedModel> loaded;
  std::unique_ptr<Session> session;
};

TEST_F(ScoreTexts, ManyAtOnceAreScoredAsEachAloneBitForBit) {
  for (const int sequences : {1, 3, 16}) {
    policy.sequences = sequences;
    load();
    std::vector<std::vector<int32_t>> texts;
    for (const int length : {1, 2, 70, 299, 300, 3, 64, 65, 128, 5, 5, 200, 1, 90}) texts.push_back(text_of(length, 1));
    for (size_t i = 0; i < texts.size(); ++i) texts[i].front() = static_cast<int32_t>(i);
    const auto scores = score(texts);
    ASSERT_EQ(scores.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(scores[i].logprobs, alone(texts[i])) << "text " << i << " beside others, " << sequences;
      EXPECT_EQ(scores[i].windows, 1);
    }
  }
}

TEST_F(ScoreTexts, LongTextsAreReadInWindows) {
  policy.sequences = 4;
  load();
  const auto text = text_of(1000, 2);
  for (const int stride : {0, 100, 299}) {
    const auto scores = score({text_of(10, 1), text}, {.stride = stride});
    ASSERT_EQ(scores.size(), 2u);
    std::vector<double> expected;
    for (const ScoreWindow& w : score_windows(0, 1000, 300, stride ? static_cast<size_t>(stride) : 150)) {
      const auto own = alone(std::span(text).subspan(w.begin, w.end - w.begin));
      expected.insert(expected.end(), own.begin() + static_cast<std::ptrdiff_t>(w.counted - w.begin - 1), own.end());
    }
    EXPECT_EQ(scores[1].logprobs, expected) << "stride " << stride;
    EXPECT_NEAR(scores[1].sum, std::accumulate(expected.begin(), expected.end(), 0.0), 1e-9);
  }
  EXPECT_EQ(score_texts(session->executor(), std::vector<std::vector<int32_t>>{text}, {.stride = 300}).error().kind,
            ErrorKind::wrong_use);
}

TEST_F(ScoreTexts, FewPagesMeanFewerAtOnce) {
  policy.sequences = 8;
  load();
  std::vector<std::vector<int32_t>> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(text_of(250 + i, i));
  const auto expected = score(texts);
  const uint64_t pages = static_cast<uint64_t>(session->executor().pages_for(300));
  policy.kv_memory = 2 * pages * session->executor().cache().page_bytes(0);
  load();
  ASSERT_LT(session->executor().pages(), 3 * static_cast<int64_t>(pages));
  const auto scores = score(texts);
  ASSERT_EQ(scores.size(), 20u);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(scores[i].logprobs, expected[i].logprobs);
}

TEST_F(ScoreTexts, StopsBetweenStepsAndSaysHowFarItIs) {
  load();
  const std::vector<std::vector<int32_t>> texts = {text_of(100, 1), text_of(100, 2)};
  int64_t last = 0, steps = 0, scored = 0;
  ScoreTextsOptions options;
  options.go_on = [&] { return steps < 2; };
  options.progress = [&](int64_t read, int64_t total) {
    EXPECT_EQ(total, 200);
    EXPECT_GT(read, last);
    last = read, ++steps;
  };
  options.on_text = [&](size_t, const TextScore&) { ++scored; };
  EXPECT_FALSE(score_texts(session->executor(), texts, options).value());
  EXPECT_EQ(scored, 1);
  EXPECT_EQ(session->executor().pages_free(), session->executor().pages()) << "places and pages are given back";
}

TEST_F(ScoreTexts, TextsThatCannotBeReadAreErrors) {
  load();
  EXPECT_FALSE(score_texts(session->executor(), std::vector<std::vector<int32_t>>{{}}, {}).ok());
  EXPECT_FALSE(score_texts(session->executor(), std::vector<std::vector<int32_t>>{{1, 1 << 30}}, {}).ok());
}

}  // namespace
}  // namespace mxpath
