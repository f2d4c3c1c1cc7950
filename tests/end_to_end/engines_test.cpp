// Several engines in one process: two at work at the same time from two threads, and one that is used from another
// thread than it was made on.
#include <gtest/gtest.h>

#include <thread>

#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

/// A model with a pool and a session of its own.
struct Engine {
  explicit Engine(const std::string& name, const Policy& policy = {}) : golden(test::read_golden(name)) {
    auto model = load_model(golden.folder, catalogue(), test::cpu_of_this_machine(), policy, {});
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
    if (!model.ok()) return;
    loaded = std::move(model).value();
    session = Session::create(loaded->model, *loaded->threads).value();
  }
  std::vector<int32_t> answer(int tokens) {
    GenerateOptions options;
    options.max_new_tokens = tokens, options.sampling.temperature = 0;
    auto answer = session->generate(golden.prompts.front().tokens, options);
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().message);
    return answer.ok() ? answer->tokens : std::vector<int32_t>();
  }
  std::vector<double> score() { return session->score(golden.prompts.front().tokens, 0).value().logprobs; }

  test::Golden golden;
  std::unique_ptr<LoadedModel> loaded;
  std::optional<Session> session;
};

TEST(Engines, TwoSideBySideAnswerAsEachAlone) {
  Policy two;
  two.threads = 2;
  Engine a("sharded", two), b("window_three", two);
  const auto alone_a = a.answer(16), alone_b = b.answer(16);
  const auto score_a = a.score(), score_b = b.score();
  for (int round = 0; round < 4; ++round) {
    std::vector<int32_t> side_a, side_b;
    std::vector<double> side_score_a, side_score_b;
    std::thread first([&] { side_a = a.answer(16), side_score_a = a.score(); });
    std::thread second([&] { side_b = b.answer(16), side_score_b = b.score(); });
    first.join(), second.join();
    EXPECT_EQ(side_a, alone_a);
    EXPECT_EQ(side_b, alone_b);
    EXPECT_EQ(side_score_a, score_a);
    EXPECT_EQ(side_score_b, score_b);
  }
}

TEST(Engines, TwoMayBeLoadedAtTheSameTime) {
  std::optional<Engine> a, b;
  std::thread first([&] { a.emplace("sharded"); }), second([&] { b.emplace("sharded"); });
  first.join(), second.join();
  EXPECT_EQ(a->answer(8), b->answer(8));
}

}  // namespace
}  // namespace mxpath
