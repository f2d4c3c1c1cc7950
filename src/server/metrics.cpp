#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mxpath::server {
namespace {

// The bounds of vLLM's histograms of the same names.
constexpr std::array first_token_bounds = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
                                           1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};
constexpr std::array token_bounds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                     0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
constexpr std::array request_bounds = {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
                                       30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
constexpr std::array count_bounds = {1.0,   2.0,    5.0,    10.0,   20.0,    50.0,    100.0,   200.0,
                                     500.0, 1000.0, 2000.0, 5000.0, 10000.0, 20000.0, 50000.0, 100000.0};
constexpr std::array step_bounds = {1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0};
constexpr std::array step_seconds_bounds = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                            0.1,    0.2,   0.5,   1.0,   2.0,  5.0};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

/// The text as it grows: a head for each name, then its samples.
class Page {
 public:
  explicit Page(std::string_view model) : labels_(fmt::format("model_name=\"{}\",engine=\"0\"", escaped(model))) {}

  void head(std::string_view name, std::string_view kind, std::string_view help) {
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
  }
  void sample(std::string_view name, double value, std::string_view more = "") {
    out_ += fmt::format("{}{{{}{}{}}} {}\n", name, labels_, more.empty() ? "" : ",", more, value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    head(name, "gauge", help);
    sample(name, value);
  }
  void counter(std::string_view name, std::string_view help, double value) {
    head(name, "counter", help);
    sample(name, value);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& h) {
    head(name, "histogram", help);
    buckets(name, h, "");
  }
  void buckets(std::string_view name, const Histogram& h, std::string_view more) {
    uint64_t sum = 0;
    const std::string comma = more.empty() ? "" : std::string(more) + ",";
    for (size_t i = 0; i < h.counts().size(); ++i) {
      sum += h.counts()[i];
      const std::string le = i < h.bounds().size() ? fmt::format("{}", h.bounds()[i]) : "+Inf";
      sample(fmt::format("{}_bucket", name), static_cast<double>(sum), fmt::format("{}le=\"{}\"", comma, le));
    }
    sample(fmt::format("{}_sum", name), h.sum(), more);
    sample(fmt::format("{}_count", name), static_cast<double>(h.count()), more);
  }
  std::string take() { return std::move(out_); }

 private:
  const std::string labels_;
  std::string out_;
};

std::string_view regime_of(int decoding, int reading) {
  if (reading == 0) return "decode";
  return decoding == 0 ? "prefill" : "mixed";
}

}  // namespace

void Histogram::observe(double value, uint64_t times) {
  const auto bound = std::ranges::lower_bound(bounds_, value);
  counts_[static_cast<size_t>(bound - bounds_.begin())] += times;
  sum_ += value * static_cast<double>(times);
  count_ += times;
}

Metrics::Metrics(std::string model)
    : model_(std::move(model)),
      first_token_(first_token_bounds),
      between_tokens_(token_bounds),
      per_token_(token_bounds),
      whole_(request_bounds),
      queue_(request_bounds),
      prefill_(request_bounds),
      decode_(request_bounds),
      prompt_tokens_(count_bounds),
      answer_tokens_(count_bounds),
      step_tokens_(step_bounds) {
  for (const char* reason : {"stop", "length", "abort", "error"}) success_[reason] = 0;
  for (const char* phase : {"queue", "prefill", "decode"}) cancelled_[phase] = 0;
  for (const char* regime : {"decode", "prefill", "mixed"}) step_seconds_.emplace(regime, step_seconds_bounds);
}

void Metrics::between_tokens(double seconds) { between_tokens_.observe(seconds); }

void Metrics::ended(const EndedRequest& r) {
  ++success_[std::string(r.reason)];
  if (!r.phase.empty()) ++cancelled_[std::string(r.phase)];
  prompt_sum_ += static_cast<uint64_t>(r.prompt_tokens);
  cached_sum_ += static_cast<uint64_t>(r.cached_tokens);
  answer_sum_ += static_cast<uint64_t>(r.new_tokens);
  prompt_tokens_.observe(r.prompt_tokens);
  answer_tokens_.observe(r.new_tokens);
  whole_.observe(r.whole_seconds);
  queue_.observe(r.queue_seconds);
  prefill_.observe(r.prompt_seconds);
  decode_.observe(r.answer_seconds);
  if (r.first_token_seconds >= 0) first_token_.observe(r.first_token_seconds);
  if (r.new_tokens > 1) per_token_.observe(r.answer_seconds / (r.new_tokens - 1));
}

void Metrics::rejected(int status) { ++rejected_[status]; }

void Metrics::step(int decoding, int reading, double seconds) {
  step_tokens_.observe(decoding + reading);
  step_seconds_.find(regime_of(decoding, reading))->second.observe(seconds);
}

void Metrics::masks(double seconds, int64_t count) {
  mask_seconds_ += seconds;
  masks_ += static_cast<uint64_t>(count);
}

std::string Metrics::text(const Gauges& now) const {
  Page page(model_);
  page.gauge("vllm:num_requests_running", "Sequences that are read or answered.", now.running);
  page.gauge("vllm:num_requests_waiting", "Requests without a place.", now.waiting);
  page.gauge("vllm:kv_cache_usage_perc", "Share of the pages of keys and values in use, 0 to 1.", now.kv_usage);
  page.counter("vllm:prompt_tokens_total", "Tokens of prompts.", static_cast<double>(prompt_sum_));
  page.counter("vllm:prompt_tokens_cached_total", "Of them, found in the prefix cache.",
               static_cast<double>(cached_sum_));
  page.counter("vllm:generation_tokens_total", "Tokens of answers.", static_cast<double>(answer_sum_));
  page.counter("vllm:prefix_cache_queries_total", "Tokens looked for in the prefix cache.",
               static_cast<double>(prompt_sum_));
  page.counter("vllm:prefix_cache_hits_total", "Tokens found there.", static_cast<double>(cached_sum_));
  page.counter("vllm:num_preemptions_total", "Sequences that gave their pages back.",
               static_cast<double>(now.preemptions));
  page.head("vllm:request_success_total", "counter", "Requests that ended, by how.");
  for (const auto& [reason, count] : success_)
    page.sample("vllm:request_success_total", static_cast<double>(count),
                fmt::format("finished_reason=\"{}\"", reason));
  page.histogram("vllm:time_to_first_token_seconds", "From the request to its first token.", first_token_);
  page.histogram("vllm:inter_token_latency_seconds", "Between two tokens of an answer.", between_tokens_);
  page.histogram("vllm:request_time_per_output_token_seconds", "Mean of an answer.", per_token_);
  page.histogram("vllm:e2e_request_latency_seconds", "From the request to its end.", whole_);
  page.histogram("vllm:request_queue_time_seconds", "Until the prompt was begun.", queue_);
  page.histogram("vllm:request_prefill_time_seconds", "Reading the prompt.", prefill_);
  page.histogram("vllm:request_decode_time_seconds", "Writing the answer.", decode_);
  page.histogram("vllm:request_prompt_tokens", "Tokens of a prompt.", prompt_tokens_);
  page.histogram("vllm:request_generation_tokens", "Tokens of an answer.", answer_tokens_);
  page.histogram("vllm:iteration_tokens_total", "Tokens of a step.", step_tokens_);

  page.head("mxpath_step_seconds", "histogram", "Time of a step, by what it did.");
  for (const auto& [regime, h] : step_seconds_)
    page.buckets("mxpath_step_seconds", h, fmt::format("regime=\"{}\"", regime));
  page.gauge("mxpath_roof_ratio", "Of the last step with answers: least time by the roof / time taken.",
             now.roof_ratio);
  page.head("mxpath_path_info", "gauge", "The path of each operation for one token.");
  for (const auto& [site, path] : now.paths)
    page.sample("mxpath_path_info", 1, fmt::format("site=\"{}\",path=\"{}\"", escaped(site), escaped(path)));
  page.head("mxpath_pages", "gauge", "Pages of keys and values in the fullest pool.");
  page.sample("mxpath_pages", static_cast<double>(now.pages_free), "state=\"free\"");
  page.sample("mxpath_pages", static_cast<double>(now.pages - now.pages_free), "state=\"used\"");
  page.head("mxpath_cancelled_total", "counter", "Requests whose client went away, by where they were.");
  for (const auto& [phase, count] : cancelled_)
    page.sample("mxpath_cancelled_total", static_cast<double>(count), fmt::format("phase=\"{}\"", phase));
  page.head("mxpath_rejected_total", "counter", "Requests that were refused, by status.");
  for (const auto& [status, count] : rejected_)
    page.sample("mxpath_rejected_total", static_cast<double>(count), fmt::format("code=\"{}\"", status));
  page.counter("mxpath_mask_seconds_total", "Time that masks of tokens took.", mask_seconds_);
  page.counter("mxpath_masks_total", "Masks that were made.", static_cast<double>(masks_));
  page.gauge("mxpath_streams", "Streams that are open.", now.streams);
  page.gauge("mxpath_connections", "Connections that are open.", now.connections);
  page.counter("mxpath_steps_total", "Steps of the model.", static_cast<double>(now.steps));
  return page.take();
}

}  // namespace mxpath::server
