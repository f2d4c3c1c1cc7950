#include "server/capacity.h"

#include <gtest/gtest.h>

namespace mxpath::server {
namespace {

/// 10 ms for each step, 1 ms for each token that is read.
Occupancy idle() {
  Occupancy load{
      .context = 1000, .prompt_tokens = 300, .cached_tokens = 100, .pages_needed = 5, .pages_free = 50, .pages = 60};
  load.most_queued = 4;
  load.most_sequences = 8;
  load.chunk = 128;
  load.step_seconds = [](int, int reading) { return 0.010 + 0.001 * reading; };
  return load;
}

TEST(Capacity, OfAnIdleServer) {
  const Json json = capacity_of(idle());
  EXPECT_EQ(json["fits"], true);
  EXPECT_EQ(json["expected_wait_s"], 0);
  EXPECT_NEAR(json["expected_ttft_s"].get<double>(), 0.220, 1e-9) << "200 tokens in two steps";
  EXPECT_NEAR(json["expected_tok_s"].get<double>(), 100, 1e-9);
  EXPECT_EQ(json["queue_position"], 0);
  EXPECT_EQ(json["why"], "a place is free");
}

TEST(Capacity, SaysWhatIsInTheWay) {
  Occupancy load = idle();
  load.prompt_tokens = 1000;
  EXPECT_EQ(capacity_of(load)["fits"], false);
  EXPECT_EQ(capacity_of(load)["why"], "the prompt has 1000 tokens, and the context holds 1000 with the answer");
  load = idle(), load.pages_needed = 61;
  EXPECT_EQ(capacity_of(load)["why"], "it needs 61 pages of keys and values, and there are 60");
  load = idle(), load.queued = 4;
  EXPECT_EQ(capacity_of(load)["why"], "4 requests wait already, which is the most");
}

TEST(Capacity, OfABusyServerIsLater) {
  Occupancy load = idle();
  load.running = 8;
  const Json full = capacity_of(load);
  EXPECT_EQ(full["fits"], true);
  EXPECT_GT(full["expected_wait_s"].get<double>(), 0);
  EXPECT_EQ(full["why"], "all 8 places answer others");
  load.queued = 2;
  const Json behind = capacity_of(load);
  EXPECT_EQ(behind["queue_position"], 2);
  EXPECT_GT(behind["expected_wait_s"].get<double>(), full["expected_wait_s"].get<double>());
  EXPECT_EQ(behind["why"], "2 requests are before it");
  load = idle(), load.pages_free = 3;
  EXPECT_EQ(capacity_of(load)["why"], "it needs 5 pages, and 3 are free now");
}

}  // namespace
}  // namespace mxpath::server
