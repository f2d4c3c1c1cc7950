#include "server/metrics.h"

#include <gtest/gtest.h>

namespace mxpath::server {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, HistogramsCountUpToEachBound) {
  constexpr std::array bounds = {1.0, 2.0};
  Histogram h(bounds);
  for (const double value : {0.5, 1.0, 1.5, 9.0}) h.observe(value);
  EXPECT_EQ(h.counts(), (std::vector<uint64_t>{2, 1, 1}));
  EXPECT_EQ(h.sum(), 12);
  EXPECT_EQ(h.count(), 4u);
}

TEST(Metrics, AreWhatDashboardsKnow) {
  Metrics metrics("a \"model\"");
  metrics.ended({.reason = "stop",
                 .prompt_tokens = 100,
                 .cached_tokens = 60,
                 .new_tokens = 11,
                 .answer_seconds = 1,
                 .first_token_seconds = 0.05,
                 .whole_seconds = 2});
  metrics.ended({.reason = "abort", .phase = "prefill", .first_token_seconds = -1});
  metrics.rejected(429);
  metrics.step(3, 0, 0.004);
  metrics.between_tokens(0.03);
  const std::string text = metrics.text({.running = 3, .waiting = 2, .kv_usage = 0.25, .pages = 8, .pages_free = 6});
  const std::string labels = R"(model_name="a \"model\"",engine="0")";
  EXPECT_TRUE(has_line(text, "vllm:num_requests_running{" + labels + "} 3")) << text;
  EXPECT_TRUE(has_line(text, "vllm:num_requests_waiting{" + labels + "} 2"));
  EXPECT_TRUE(has_line(text, "vllm:kv_cache_usage_perc{" + labels + "} 0.25"));
  EXPECT_TRUE(has_line(text, "vllm:prompt_tokens_total{" + labels + "} 100"));
  EXPECT_TRUE(has_line(text, "vllm:prefix_cache_hits_total{" + labels + "} 60"));
  EXPECT_TRUE(has_line(text, "vllm:generation_tokens_total{" + labels + "} 11"));
  EXPECT_TRUE(has_line(text, "vllm:request_success_total{" + labels + ",finished_reason=\"stop\"} 1"));
  EXPECT_TRUE(has_line(text, "vllm:time_to_first_token_seconds_count{" + labels + "} 1")) << "one had no token";
  EXPECT_TRUE(has_line(text, "vllm:request_time_per_output_token_seconds_bucket{" + labels + ",le=\"0.1\"} 1"));
  EXPECT_TRUE(has_line(text, "vllm:inter_token_latency_seconds_bucket{" + labels + ",le=\"+Inf\"} 1"));
  EXPECT_TRUE(has_line(text, "mxpath_cancelled_total{" + labels + ",phase=\"prefill\"} 1"));
  EXPECT_TRUE(has_line(text, "mxpath_rejected_total{" + labels + ",code=\"429\"} 1"));
  EXPECT_TRUE(has_line(text, "mxpath_pages{" + labels + ",state=\"used\"} 2"));
  EXPECT_TRUE(has_line(text, "mxpath_step_seconds_count{" + labels + ",regime=\"decode\"} 1"));
}

}  // namespace
}  // namespace mxpath::server
