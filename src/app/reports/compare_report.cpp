// What `mxpath compare` says: a table, JSON, a plot.
#include <algorithm>
#include <cmath>

#include "app/reports/compare.h"
#include "app/reports/scatter_plot.h"
#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string share(int right, int of) { return fmt::format("{:.1f} %", 100.0 * right / of); }

/// "0.00123" and "1.2e-07", but never "-0": figures of very different sizes stand in one column.
std::string small_number(double value) {
  if (value == 0) return "0";
  return value < 1e-4 ? fmt::format("{:.1e}", value) : fmt::format("{:.5f}", value);
}

std::vector<std::string> cells(const ComparedFormat& f, int problems) {
  std::vector<std::string> out = {f.weights,
                                  human_bytes(static_cast<double>(f.bytes)),
                                  small_number(f.kl),
                                  small_number(f.delta),
                                  fmt::format("{:.1f} %", 100 * f.top1),
                                  fmt::format("{:.1f}", f.tokens_per_second)};
  if (problems) out.push_back(share(f.right, problems));
  return out;
}

std::string line_of(const std::vector<std::string>& row, const std::vector<size_t>& widths) {
  std::string line = fmt::format("{:<{}}", row[0], widths[0]);
  for (size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", row[i], widths[i]);
  return line + "\n";
}

Json format_json(const ComparedFormat& f, const CompareReport& report) {
  Json out = {{"weights", f.weights}};
  if (!f.problem.empty()) {
    out["error"] = {{"message", f.problem}};
    return out;
  }
  out.update({{"bytes", f.bytes},
              {"kl_nats", f.kl},
              {"mean_abs_delta_logprob", f.delta},
              {"top1_agreement", f.top1},
              {"tokens_per_second", f.tokens_per_second},
              {"path", f.path}});
  if (report.problems) out["problems_right"] = f.right;
  return out;
}

}  // namespace

std::string compare_text(const CompareReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"weights", "in memory", "mean KL, nats", "mean |Δ logprob|", "top-1 same", "tok/s"}};
  if (report.problems) rows[0].push_back("problems right");
  for (const ComparedFormat& f : report.formats)
    if (f.problem.empty()) rows.push_back(cells(f, report.problems));
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size() - (i == 3 && &row == &rows[0]));  // Δ is two bytes
  widths[3] += 1;
  std::string out = fmt::format("model    {}\nmachine  {}\nagainst the FP32 forward at {} of {}{}\n\n", report.model,
                                report.machine, plural(report.positions, "position"), plural(report.texts, "text"),
                                report.problems ? fmt::format("; {}, greedy", plural(report.problems, "problem")) : "");
  for (const auto& row : rows) out += line_of(row, widths);
  for (const ComparedFormat& f : report.formats)
    if (!f.problem.empty()) out += fmt::format("{}: {}\n", f.weights, f.problem);
  return out;
}

Json compare_json(const CompareReport& report) {
  Json formats = Json::array();
  for (const ComparedFormat& f : report.formats) formats.push_back(format_json(f, report));
  return {{"model", report.model}, {"machine", report.machine},   {"positions", report.positions},
          {"texts", report.texts}, {"problems", report.problems}, {"formats", std::move(formats)}};
}

std::string compare_svg(const CompareReport& report) {
  uint64_t most = 0;
  for (const ComparedFormat& f : report.formats) most = std::max(most, f.bytes);
  const bool gib = most > uint64_t{4} << 30;
  ScatterPlot plot{.title = "Weights in memory against distance from the FP32 forward",
                   .subtitle = report.model,
                   .x_label = gib ? "weights in memory, GiB" : "weights in memory, MiB",
                   .y_label = "mean KL divergence from the FP32 forward, nats",
                   .points = {}};
  for (const ComparedFormat& f : report.formats)
    if (f.problem.empty())
      plot.points.push_back({static_cast<double>(f.bytes) / (gib ? 0x1p30 : 0x1p20), f.kl, f.weights});
  return to_svg(plot);
}

}  // namespace mxpath
