#include "app/reports/bench_report.h"

#include <algorithm>
#include <cmath>

#include "app/conversation.h"
#include "app/dirs.h"
#include "app/speed.h"
#include "base/json.h"
#include "base/text.h"
#include "checkpoint/summary.h"
#include "plan/explain.h"

namespace mxpath {
namespace {

constexpr double low = 0.95, middle = 0.5, high = 0.05;  // of the seconds, so that rates come out low to high

double self_check_seconds(const LoadedModel& loaded) {
  double sum = 0;
  for (const auto& check : loaded.checks) sum += check.seconds;
  return sum;
}

/// Bytes that loading must read and write: what is stored, and what is packed.
double bytes_to_load(const LoadedModel& loaded) {
  const Plan& plan = loaded.model.plan;
  return static_cast<double>(summarise(loaded.checkpoint.manifest()).bytes - plan.memory().mapped) +
         static_cast<double>(plan.memory().weights + plan.gpu_memory().weights);
}

double load_roof(const BenchReport& report) { return bytes_to_load(*report.loaded) / report.machine->cpu.bandwidth; }

double rounded(double seconds) { return std::round(seconds * 1e7) / 1e7; }

Json seconds_json(const std::vector<double>& seconds) {
  Json out = Json::array();
  for (const double s : seconds) out.push_back(rounded(s));
  return out;
}

Json common_json(const Measurement& m) {
  const Expectation& e = m.expected;
  const double median = m.quantile(middle);
  return {{"tokens_per_second", m.rate(middle)},
          {"low", m.rate(low)},
          {"high", m.rate(high)},
          {"predicted", m.tokens / e.predicted},
          {"roof", m.tokens / e.roof},
          {"roof_share", e.roof / median},
          {"roof_share_of_fastest_unit", e.best_roof / median},
          {"bytes", e.bytes},
          {"flops", e.flops},
          {"gb_per_second", e.bytes / median / 1e9},
          {"roof_gb_per_second", e.bytes / e.memory_seconds / 1e9},
          {"gflop_per_second", e.flops / median / 1e9},
          {"roof_gflop_per_second", e.flops / e.compute_seconds / 1e9},
          {"seconds", seconds_json(m.seconds)}};
}

Json step_json(const Measurement& m) {
  Json out = {{"depth", m.depth}, {"sequences", m.tokens}};
  out.update(common_json(m));
  return out;
}

Json prompt_json(const Measurement& m) {
  Json out = {{"tokens", m.tokens}};
  out.update(common_json(m));
  return out;
}

template <class ToJson>
Json list_json(const std::vector<Measurement>& measurements, ToJson one) {
  Json out = Json::array();
  for (const Measurement& m : measurements) out.push_back(one(m));
  return out;
}

Json model_json(const BenchReport& report) {
  const Manifest& manifest = report.loaded->checkpoint.manifest();
  return {{"name", report.model},
          {"description", report.loaded->model.plan.model},
          {"stored", name_of(manifest.layout)},
          {"random_seed", report.random_seed ? Json(*report.random_seed) : Json()}};
}

Json load_json(const BenchReport& report) {
  const LoadedModel& loaded = *report.loaded;
  return {{"seconds", loaded.seconds},
          {"roof_share", load_roof(report) / loaded.seconds},
          {"bytes", bytes_to_load(loaded)},
          {"self_check_seconds", self_check_seconds(loaded)},
          {"random_weights_seconds", report.random_seed ? Json(report.making_seconds) : Json()}};
}

std::string line(std::string_view what, const std::string& text) { return fmt::format("{:<10}{}\n", what, text); }

std::string device_text(const BenchReport& report) {
  const Placement& placement = report.loaded->model.plan.placement;
  std::vector<std::string> names;
  for (const GpuShare& share : placement.gpus)
    if (const Gpu* gpu = report.machine->gpu(share.gpu); gpu && !std::ranges::count(names, gpu->name))
      names.push_back(gpu->name);
  return placement.to_string() + (names.empty() ? "" : fmt::format(" ({})", fmt::join(names, ", ")));
}

std::string memory_text(const BenchReport& report) {
  const Plan& plan = report.loaded->model.plan;
  std::string gpus;
  for (const auto& [id, memory, pages] : plan.devices)
    if (id.is_gpu()) gpus += fmt::format(" and {} on {}", human_bytes(double(memory.total())), to_string(id));
  return fmt::format("planned {}{}; at most {} resident", human_bytes(double(plan.memory().total())), gpus,
                     human_bytes(double(report.peak_memory)));
}

std::string load_text(const BenchReport& report) {
  const LoadedModel& loaded = *report.loaded;
  std::string out =
      fmt::format("{} s, {:.0f}% of the memory's bandwidth; self-check {:.0f} ms", three_digits(loaded.seconds),
                  100 * load_roof(report) / loaded.seconds, 1e3 * self_check_seconds(loaded));
  if (report.random_seed)
    out += fmt::format("; random weights made in {} s before", three_digits(report.making_seconds));
  return out;
}

/// "linear.cpu.avx512.bf16_f32 x49, …"
std::string calls_text(const std::map<std::string, int>& paths) {
  std::string out;
  for (const auto& [path, calls] : paths)
    out += fmt::format("{}{} x{}", out.empty() ? "" : "\n          ", path, calls);
  return out;
}

/// " (decode)" for a row that ran in one of the two only, where both were measured.
std::string_view only_in(const std::string& path, const BenchResult& result) {
  if (result.step_paths.empty() || result.prompt_paths.empty()) return "";
  return !result.prompt_paths.contains(path) ? " (decode)" : !result.step_paths.contains(path) ? " (prefill)" : "";
}

/// The rows of the large operations that ran, one per line.
std::string matrix_paths(const BenchResult& result) {
  std::map<std::string, int> all = result.step_paths;
  all.insert(result.prompt_paths.begin(), result.prompt_paths.end());
  std::string out;
  for (const auto& [path, calls] : all)
    if (path.starts_with("linear.") || path.starts_with("moe_") || path.starts_with("attention."))
      out += fmt::format("{}{}{}", out.empty() ? "" : "\n          ", path, only_in(path, result));
  return out;
}

std::string verbose_text(const BenchReport& report) {
  std::string out;
  for (const auto& check : report.loaded->checks)
    out += line("check", fmt::format("{} for {}: {:.2f} of its bound, {:.1f} ms", check.path, name_of(check.site),
                                     check.worst, 1e3 * check.seconds));
  if (!report.result.step_paths.empty()) out += line("decode", calls_text(report.result.step_paths));
  if (!report.result.prompt_paths.empty()) out += line("prefill", calls_text(report.result.prompt_paths));
  return out;
}

std::string header(const BenchReport& report, bool verbose) {
  const Plan& plan = report.loaded->model.plan;
  const std::string random = report.random_seed ? fmt::format(", random weights (seed {})", *report.random_seed) : "";
  std::string out = line("model", fmt::format("{}: {}{}", report.model, plan.model, random));
  out += line("machine", fmt::format("{}; load {:.1f} before the start", plan.machine, report.load_average[0]));
  out += line("device", device_text(report));
  out += line("memory", memory_text(report));
  out += line("load", load_text(report));
  for (const auto& concession : plan.concessions) out += line(label_of(concession.kind), concession.text);
  return out + (verbose ? verbose_text(report) : line("paths", matrix_paths(report.result)));
}

std::string row(const std::string& what, const Measurement& m) {
  const Expectation& e = m.expected;
  const double median = m.quantile(middle);
  const bool memory_bound = e.memory_seconds > e.compute_seconds;
  const std::string reached = memory_bound ? fmt::format("{} of {} GB/s", three_digits(e.bytes / median / 1e9),
                                                         three_digits(e.bytes / e.memory_seconds / 1e9))
                                           : fmt::format("{} of {} GFLOP/s", three_digits(e.flops / median / 1e9),
                                                         three_digits(e.flops / e.compute_seconds / 1e9));
  std::string out = fmt::format("{:<20}{:>9}  {:>9} - {:<9}{:>10}  {:>4.0f}%  {}", what, three_digits(m.rate(middle)),
                                three_digits(m.rate(low)), three_digits(m.rate(high)),
                                three_digits(m.tokens / e.predicted), 100 * e.roof / median, reached);
  // Paths may leave the fastest unit of the machine idle; that is worth a figure where it matters.
  if (e.best_roof < 0.9 * e.roof) out += fmt::format("; {:.0f}% of the fastest unit", 100 * e.best_roof / median);
  return out + "\n";
}

/// More than there is can only come from a cache, or from a machine that was busier when its bandwidth was measured.
std::string above_the_roof(const BenchResult& result) {
  const auto above = [](const Measurement& m) { return m.expected.roof > m.quantile(middle); };
  const bool any = std::ranges::any_of(result.steps, above) || std::ranges::any_of(result.prompts, above);
  return any ? "above 100%: the weights stay in the caches, or the machine was busier when its bandwidth was measured\n"
             : "";
}

std::string table(const BenchResult& result) {
  if (result.steps.empty() && result.prompts.empty()) return "";
  std::string out =
      fmt::format("\n{:<20}{:>9}  {:<21}{:>10}  {}\n", "", "tok/s", "     from - to", "predicted", "share of the roof");
  for (const Measurement& m : result.prompts) out += row(fmt::format("prefill {}", m.tokens), m);
  for (const Measurement& m : result.steps)
    out += row(fmt::format("decode{}{}", m.tokens > 1 ? fmt::format(" of {}", m.tokens) : "",
                           m.depth ? fmt::format(" after {}", m.depth) : ""),
               m);
  return out + above_the_roof(result);
}

}  // namespace

Json to_json(const BenchReport& report) {
  const Plan& plan = report.loaded->model.plan;
  return {{"mxpath", version()},
          {"date", today()},
          {"model", model_json(report)},
          {"machine", machine_to_json(*report.machine)},
          {"bandwidth_measured", report.machine->cpu.bandwidth_measured},
          {"load_average", report.load_average},
          {"device", name_of(plan.device.kind)},
          {"placement", plan.placement.to_string()},
          {"threads", plan.threads},
          {"context", plan.context},
          {"chunk", plan.chunk},
          {"memory",
           {{"planned", plan.memory().total()},
            {"planned_gpu", plan.gpu_memory().total()},
            {"peak_resident", report.peak_memory}}},
          {"load", load_json(report)},
          {"concessions", concessions_json(plan)},
          {"paths", {{"decode", report.result.step_paths}, {"prefill", report.result.prompt_paths}}},
          {"prefill", list_json(report.result.prompts, prompt_json)},
          {"decode", list_json(report.result.steps, step_json)}};
}

std::string to_text(const BenchReport& report, bool verbose) { return header(report, verbose) + table(report.result); }

}  // namespace mxpath
