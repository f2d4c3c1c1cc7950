// What dashboards read: counters and histograms in Prometheus' text form.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath::server {

/// Counts of values up to each bound, and above the last.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void observe(double value, uint64_t times = 1);
  std::span<const double> bounds() const { return bounds_; }
  const std::vector<uint64_t>& counts() const { return counts_; }
  double sum() const { return sum_; }
  uint64_t count() const { return count_; }

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;
  double sum_ = 0;
  uint64_t count_ = 0;
};

/// What is true at the moment of asking.
struct Gauges {
  int running = 0, waiting = 0, streams = 0, connections = 0;
  double kv_usage = 0;  ///< 0 to 1
  int64_t pages = 0, pages_free = 0;
  uint64_t steps = 0, preemptions = 0;
  double roof_ratio = 0;  ///< of the last step with answers: its least time by the machine's roof / the time it took
  std::vector<std::pair<std::string, std::string>> paths = {};  ///< (site, path)
};

/// One ended request, as the counters take it.
struct EndedRequest {
  std::string_view reason;      ///< stop, length, abort, error
  std::string_view phase = {};  ///< of one that was cancelled: queue, prefill, decode
  int prompt_tokens = 0, cached_tokens = 0, new_tokens = 0;
  double queue_seconds = 0, prompt_seconds = 0, answer_seconds = 0;
  double first_token_seconds = 0;  ///< from the request's arrival; below 0: there was none
  double whole_seconds = 0;
};

/// The names of vLLM, which dashboards and Kubernetes' inference gateway know, and ours beside them. On one thread.
class Metrics {
 public:
  explicit Metrics(std::string model);
  void between_tokens(double seconds);
  void ended(const EndedRequest& request);
  void rejected(int status);
  void step(int decoding, int reading, double seconds);
  void masks(double seconds, int64_t count);
  std::string text(const Gauges& now) const;

 private:
  const std::string model_;
  Histogram first_token_, between_tokens_, per_token_, whole_, queue_, prefill_, decode_;
  Histogram prompt_tokens_, answer_tokens_, step_tokens_;
  std::map<std::string, Histogram, std::less<>> step_seconds_;  // by regime
  std::map<std::string, uint64_t, std::less<>> success_, cancelled_;
  std::map<int, uint64_t> rejected_;
  uint64_t prompt_sum_ = 0, cached_sum_ = 0, answer_sum_ = 0, masks_ = 0;
  double mask_seconds_ = 0;
};

}  // namespace mxpath::server
