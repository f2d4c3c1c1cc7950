// What was read before is found again at every length, on pages that others hold too, and gives what reading gives.
#include <gtest/gtest.h>

#include "checkpoint/test_folder.h"
#include "engine/session.h"
#include "engine/step_runner.h"
#include "sequences.h"

namespace mxpath {
namespace {

using test::Server;

constexpr int longest = 400;

using Case = std::tuple<int, std::string>;  // window, family of rows

/// A checkpoint whose sliding layers see three tokens or 128: less than a page, and two pages.
class Prefixes : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [window, family] = GetParam();
    std::string model = test::golden_root() + "/window_three";
    if (window != 3) {
      RandomCheckpoint what;
      what.config = tiny_config();
      what.config.sliding_window = window;
      model = folder / "model";
      ASSERT_TRUE(write_random_checkpoint(model, what).ok());
    }
    Policy policy;
    policy.only = {family};
    policy.context = 512, policy.sequences = 4, policy.kv_memory = uint64_t{32} << 20;  // nothing needs to go
    server.emplace(model, policy, test::cpu_of_this_machine());
    ASSERT_TRUE(server->executor);
    ASSERT_EQ(server->loaded->model.config.sliding_window, window);
    Random random(3);
    text = test::random_text(random, longest + 1, server->vocab());
    // Texts that leave the first one after any number of tokens.
    other = text;
    for (int32_t& token : other) token = (token + 1) % server->vocab();
    bits = same_bits_in_any_batch(server->plan());
  }
  /// Between the lengths that are read anew: the portable rows are slow.
  static int stride() { return std::get<1>(GetParam()) == "*" ? 1 : 7; }
  ModelExecutor& executor() { return *server->executor; }
  std::span<const int32_t> begin(int64_t tokens) const { return std::span(text).first(static_cast<size_t>(tokens)); }
  /// The first `shared` tokens of the text and three others.
  std::vector<int32_t> leaves_after(int shared) const {
    std::vector<int32_t> prompt(text.begin(), text.begin() + shared);
    prompt.insert(prompt.end(), other.begin() + shared, other.begin() + std::min(shared + 3, longest + 1));
    return prompt;
  }

  /// Reads and gives the logits after the last token.
  std::vector<float> read(int sequence, std::span<const int32_t> tokens) {
    const StepPart part{sequence, tokens, true};
    const auto status = executor().step({&part, 1});
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
    const auto logits = executor().logits(0);
    return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  }
  /// Without what is cached.
  std::vector<float> read_anew(std::span<const int32_t> tokens) {
    const int sequence = executor().open_empty().value();
    auto logits = read(sequence, tokens);
    executor().close(sequence);
    return logits;
  }
  /// Reads the text into the cache in pieces, and gives the logits [V] after each token.
  std::vector<std::vector<float>> read_into_cache(std::span<const size_t> pieces) {
    std::vector<std::vector<float>> all;
    const int sequence = executor().open_empty().value();
    for (size_t at = 0, piece = 0; at < text.size(); ++piece) {
      const size_t count = std::min(pieces[piece % pieces.size()], text.size() - at);
      const StepPart part{sequence, std::span(text).subspan(at, count), false};
      EXPECT_TRUE(executor().step({&part, 1}).ok());
      for (int i = 0; i < static_cast<int>(count); ++i) {
        const auto logits = executor().logits_of_tokens(i, 1).value();
        all.emplace_back(logits.begin(), logits.end());
      }
      at += count;
      executor().keep(sequence, begin(static_cast<int64_t>(at)), 0);
    }
    executor().close(sequence);
    return all;
  }
  testing::AssertionResult same(const std::vector<float>& a, const std::vector<float>& b) const {
    if (a.size() != b.size() || a.empty()) return testing::AssertionFailure() << a.size() << " and " << b.size();
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
    // Rows of other batch sizes add in another order, and now and then a key or a value rounds the other way.
    if (bits ? std::ranges::equal(a, b) : most < 0.05) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "logits differ by " << most;
  }

  TestFolder folder;
  std::optional<Server> server;
  std::vector<int32_t> text, other;
  bool bits = false;
};

TEST_P(Prefixes, OfEveryLengthGiveWhatReadingThemGives) {
  const size_t pieces[] = {64};
  const auto expected = read_into_cache(pieces);
  for (int shared = 1; shared <= longest; ++shared) {
    const auto prompt = begin(shared + 1);
    const Opened opened = executor().open(prompt, 0).value();
    EXPECT_EQ(opened.reused, shared);
    EXPECT_TRUE(same(read(opened.sequence, prompt.subspan(static_cast<size_t>(opened.reused))),
                     expected[static_cast<size_t>(shared)]))
        << shared;
    executor().close(opened.sequence);
    const Opened salted = executor().open(prompt, 1).value();
    EXPECT_EQ(salted.reused, 0);
    executor().close(salted.sequence);
  }
}

TEST_P(Prefixes, AreLeftByTextsOfTheirOwn) {
  const size_t pieces[] = {50, 7, 64, 1, 33};  // pages half full at the end of a step
  read_into_cache(pieces);
  int reused = 0;
  for (int shared = 1; shared < longest; shared += stride()) {
    const auto prompt = leaves_after(shared);
    const auto expected = read_anew(prompt);
    const Opened opened = executor().open(prompt, 0).value();
    EXPECT_LE(opened.reused, shared);
    reused += opened.reused == shared;
    EXPECT_TRUE(same(read(opened.sequence, std::span(prompt).subspan(static_cast<size_t>(opened.reused))), expected))
        << shared << ", of which " << opened.reused << " were found";
    // Kept beside the others now and then: what they share stays theirs.
    if (shared % 5 == 0) executor().keep(opened.sequence, prompt, 0);
    executor().close(opened.sequence);
  }
  EXPECT_GT(reused, longest / 2 / stride());  // elsewhere a window's pages had gone
}

TEST_P(Prefixes, AreSharedByForksThatGoApart) {
  const size_t pieces[] = {64};
  const auto expected = read_into_cache(pieces);
  for (int shared = 1; shared < longest; shared += 3 * stride()) {
    const Opened opened = executor().open(begin(shared + 1), 0).value();
    const int fork = executor().fork(opened.sequence).value(), third = executor().fork(fork).value();
    const auto apart = leaves_after(shared);
    const auto rest = std::span(apart).subspan(static_cast<size_t>(shared));
    const auto of_fork = read(fork, rest);  // before the first, whose slot it takes
    const auto one = std::span(text).subspan(static_cast<size_t>(shared), 1);
    EXPECT_TRUE(same(read(opened.sequence, one), expected[static_cast<size_t>(shared)])) << shared;
    executor().close(opened.sequence);
    EXPECT_TRUE(same(read(third, one), expected[static_cast<size_t>(shared)])) << shared;
    EXPECT_TRUE(same(of_fork, read_anew(apart))) << shared;
    for (const int sequence : {fork, third}) executor().close(sequence);
  }
}

TEST_P(Prefixes, RemainAfterTruncationToAnyLength) {
  const size_t pieces[] = {512};
  const auto expected = read_into_cache(pieces);
  StepRunner runner = StepRunner::create(server->loaded->model, *server->loaded->threads).value();
  SequenceSlot slot{0, SequencePages(runner.cache().shape(), runner.cache().pools())};
  const auto step = [&](std::span<const int32_t> tokens) {
    std::vector<PageCopy> copies;
    EXPECT_TRUE(slot.pages.extend(std::ssize(tokens), copies));
    const StepRunner::Part part{&slot, tokens, true};
    EXPECT_TRUE(runner.run({&part, 1}, copies).ok());
    const auto logits = runner.logits(runner.row_of(0)).value();
    return std::vector<float>(logits.begin(), logits.end());
  };
  for (int length = 0; length <= longest; ++length) {
    EXPECT_TRUE(
        same(step(std::span(text).subspan(static_cast<size_t>(length), 1)), expected[static_cast<size_t>(length)]))
        << length;
    // Guesses that were wrong, up to more than a page of them now and then.
    const int guesses = std::min(length % 10 == 0 ? 70 : 1 + length % 9, longest - length);
    if (guesses == 0) break;
    step(std::span(other).subspan(static_cast<size_t>(length), static_cast<size_t>(guesses)));
    slot.pages.drop_behind_windows(guesses);
    ASSERT_LE(slot.pages.shortest_truncation(), length + 1);
    slot.pages.truncate(length + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, Prefixes,
                         testing::Combine(testing::Values(3, 128), testing::Values("*", "*.cpu.portable.*")),
                         [](const auto& param) {
                           return fmt::format("{}_{}", std::get<0>(param.param),
                                              std::get<1>(param.param) == "*" ? "best" : "portable");
                         });

/// A text that shares only the beginning of a longer one. It found nothing, because the sliding layers had given back
/// what lies there.
TEST(SharedBeginnings, AreFoundWhereALongTextWasPutBy) {
  TestFolder folder;
  RandomCheckpoint what;
  what.config = tiny_config();
  what.config.sliding_window = 128;
  ASSERT_TRUE(write_random_checkpoint(folder / "model", what).ok());
  Policy policy;
  policy.context = 4096, policy.sequences = 2, policy.kv_memory = uint64_t{64} << 20;
  const Server server(folder / "model", policy, test::cpu_of_this_machine());
  ASSERT_TRUE(server.executor);
  Random random(4);
  Request whole, part;
  whole.prompt = test::random_text(random, 3000, server.vocab());
  whole.max_new_tokens = part.max_new_tokens = 3;
  whole.sampling.temperature = part.sampling.temperature = 0;
  part.prompt.assign(whole.prompt.begin(), whole.prompt.begin() + 2500);
  const auto tail = test::random_text(random, 40, server.vocab());
  part.prompt.insert(part.prompt.end(), tail.begin(), tail.end());
  const auto alone = test::serve_each_alone(*server.executor, {part})[0][0];
  const auto read_by = [&](int session) {
    server.executor->prefixes().clear();
    if (session == 0) return test::serve(*server.executor, {whole}), test::serve(*server.executor, {part})[0][0];
    auto own = Session::create(server.loaded->model, *server.loaded->threads).value();
    GenerateOptions options;
    options.max_new_tokens = 3, options.sampling.temperature = 0;
    EXPECT_TRUE(own.generate(whole.prompt, options).ok());
    const auto again = own.generate(part.prompt, options).value();
    test::ServedAnswer answer{.tokens = again.tokens, .logprobs = {}, .top = {}, .end = Ended{}};
    answer.end->reused_tokens = again.reused_tokens;
    return answer;
  };
  for (const int session : {0, 1}) {
    const test::ServedAnswer answer = read_by(session);
    EXPECT_GE(answer.end->reused_tokens, 2048 - 64) << (session ? "a session" : "the scheduler");
    EXPECT_LE(answer.end->reused_tokens, 2500);
    EXPECT_EQ(answer.tokens, alone.tokens);
  }
}

}  // namespace
}  // namespace mxpath
