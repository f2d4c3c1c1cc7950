// Many threads on one engine: each answer is what it is alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "app/test_model.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {
namespace {

class ThreadsTest : public testing::Test {
 protected:
  ThreadsTest() {
    ::setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "mxpath-test-cache").c_str(), 1);
  }
  Engine load(Options options = {}) {
    options.device = "cpu";
    auto engine = Engine::load(model, options);
    EXPECT_TRUE(engine.ok()) << engine.error().message;
    return std::move(*engine);
  }
  /// Runs `body(thread)` on so many threads.
  static void on_threads(int count, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) threads.emplace_back(body, t);
    for (std::thread& thread : threads) thread.join();
  }
  static std::vector<int32_t> some_tokens(int which, size_t count) {
    std::vector<int32_t> out;
    for (size_t i = 0; i < count; ++i)
      out.push_back(static_cast<int32_t>(60 + (i * 7 + static_cast<size_t>(which)) % 40));
    return out;
  }
  /// Paths whose results do not depend on the batch, so that answers can be compared bit for bit.
  static Options exact() { return {.only = {"*.portable.*"}}; }

  TestFolder folder;
  const std::string model = write_chat_model(folder, 4096);  // half of the ids have no text
};

TEST_F(ThreadsTest, EachAnswerIsWhatItIsAlone) {
  constexpr int threads = 6, rounds = 3;
  const auto ask = [](Engine& engine, int which) {
    const GenerateOptions options{.max_new_tokens = 10, .temperature = 1.0f, .seed = static_cast<uint64_t>(which)};
    if (which % 3 == 0) return engine.ask("Hello", options);  // which never chooses ids without a text
    return engine.continue_tokens(some_tokens(which, 5 + static_cast<size_t>(which) % 30), options);
  };
  std::vector<std::vector<int32_t>> alone;
  Engine one = load(exact());
  for (int i = 0; i < threads * rounds; ++i) alone.push_back(ask(one, i)->tokens);
  for (const int sequences : {1, 3, 8}) {
    Options options = exact();
    options.sequences = sequences;
    Engine engine = load(options);
    on_threads(threads, [&](int thread) {
      for (int round = 0; round < rounds; ++round) {
        const int which = thread * rounds + round;
        const auto answer = ask(engine, which);
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        EXPECT_EQ(answer->tokens, alone[static_cast<size_t>(which)]) << which << " of " << sequences;
      }
    });
  }
}

/// Everything that an engine can do, at once.
TEST_F(ThreadsTest, EightThreadsDoEverything) {
  Options options = exact();
  options.sequences = 4, options.context = 256, options.kv_memory = 512 << 10;
  Engine engine = load(options);
  const auto text = some_tokens(0, 40);
  const auto score = engine.score(text, 1);
  const auto logits = engine.logits(text);
  ASSERT_TRUE(score.ok() && logits.ok());
  std::atomic<int> cancelled = 0, done = 0;
  on_threads(8, [&](int thread) {
    for (int round = 0; round < 6; ++round) {
      const auto seed = static_cast<uint64_t>(10 * thread + round);
      GenerateOptions how{.max_new_tokens = 8, .temperature = 1.0f, .seed = seed};
      switch ((thread + round) % 8) {
        case 0: EXPECT_EQ(engine.score(text, 1)->logprobs, score->logprobs); break;
        case 1: EXPECT_EQ(*engine.logits(text), *logits); break;
        case 2: EXPECT_TRUE(engine.ask("Hello", how).ok()); break;
        case 3: EXPECT_EQ(engine.continue_several(text, 3, how)->size(), 3u); break;
        case 4: {
          Sequence a = engine.sequence(text);
          Sequence b = a.fork();
          EXPECT_EQ(a.generate(how)->tokens, b.generate(how)->tokens);
          break;
        }
        case 5: {
          how.cancel.emplace(), how.max_new_tokens = 0;
          std::thread other([token = *how.cancel] { token.cancel(); });
          const auto answer = engine.continue_tokens(text, how);
          other.join();
          cancelled += answer.ok() && answer->stop_reason == "cancelled";
          break;
        }
        case 6: {
          const auto stop = [&](auto, auto) { throw std::runtime_error("enough"); };
          EXPECT_THROW((void)engine.continue_tokens(text, how, stop), std::runtime_error);
          break;
        }
        default: EXPECT_FALSE(engine.continue_tokens(std::vector<int32_t>(300, 65), how).ok());
      }
      ++done;
    }
  });
  EXPECT_EQ(done, 48);
  EXPECT_EQ(cancelled, 6);
  EXPECT_EQ(engine.score(text, 1)->logprobs, score->logprobs);
}

TEST_F(ThreadsTest, AnotherThreadCancels) {
  Engine engine = load();
  const CancelToken token;
  std::atomic<int> heard = 0;
  std::atomic<bool> over = false;
  GenerateOptions how{.temperature = 0.0f};
  how.cancel = token;
  std::thread other([&] {
    while (heard < 3 && !over) std::this_thread::yield();
    token.cancel();
  });
  const auto answer = engine.continue_several(some_tokens(1, 20), 2, how, [&](int, auto, auto) { ++heard; });
  over = true;
  other.join();
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  for (const Answer& one : *answer) EXPECT_TRUE(one.stop_reason == "cancelled" || one.stop_reason == "stop");
  EXPECT_TRUE(token.cancelled());
  const auto none = engine.continue_tokens(some_tokens(1, 20), how);
  EXPECT_EQ(none->stop_reason, "cancelled");
  EXPECT_TRUE(none->tokens.empty());
}

/// ask() never chooses ids without a text; what runs in its steps may.
TEST_F(ThreadsTest, ANeighbourThatMayChooseLessChangesNothing) {
  Engine engine = load(exact());
  const GenerateOptions how{.max_new_tokens = 12, .temperature = 1.0f, .seed = 3};
  const auto alone = engine.continue_tokens(some_tokens(4, 10), how)->tokens;
  EXPECT_GT(std::ranges::max(alone), 2048);
  std::vector<int32_t> beside;
  const auto answer = engine.ask(
      "Hello", {.max_new_tokens = 300, .temperature = 1.0f, .seed = 1, .go_on = [&] { return beside.empty(); }},
      [&](auto, auto) { beside = engine.continue_tokens(some_tokens(4, 10), how)->tokens; });
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(beside, alone);
}

TEST_F(ThreadsTest, CallbacksMayAskTheEngine) {
  Engine engine = load();
  const auto text = some_tokens(2, 10);
  size_t inner = 0;
  const auto answer = engine.continue_tokens(text, {.max_new_tokens = 3, .temperature = 0.0f}, [&](auto, auto) {
    inner += engine.score(text)->logprobs.size();
    inner += engine.continue_tokens(text, {.max_new_tokens = 1, .temperature = 0.0f})->tokens.size();
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_GE(inner, text.size());
}

TEST_F(ThreadsTest, ALongPromptIsAskedAboutWhileItIsRead) {
  Engine engine = load();
  int asked = 0;
  const auto answer =
      engine.continue_tokens(some_tokens(3, 4000), {.temperature = 0.0f, .go_on = [&] { return ++asked < 3; }});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->stop_reason, "cancelled");
  EXPECT_TRUE(answer->tokens.empty());
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace mxpath::api
