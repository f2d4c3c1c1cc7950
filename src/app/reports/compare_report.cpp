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

bool compares_kv(const CompareReport& report) {
  return std::ranges::any_of(report.formats, [](const ComparedFormat& f) { return !f.kv.empty(); });
}

std::vector<std::string> cells(const ComparedFormat& f, const CompareReport& report) {
  std::vector<std::string> out = {f.weights, human_bytes(static_cast<double>(f.bytes))};
  if (compares_kv(report)) out.insert(out.end(), {f.kv, human_bytes(static_cast<double>(f.kv_bytes))});
  out.insert(out.end(), {small_number(f.kl), small_number(f.delta), fmt::format("{:.1f} %", 100 * f.top1),
                         fmt::format("{:.1f}", f.tokens_per_second)});
  if (report.problems) out.push_back(share(f.right, report.problems));
  return out;
}

std::vector<std::string> titles(const CompareReport& report) {
  std::vector<std::string> out = {"weights", "in memory"};
  if (compares_kv(report)) out.insert(out.end(), {"kv", "in memory"});
  out.insert(out.end(), {"mean KL, nats", "mean |Δ logprob|", "top-1 same", "tok/s"});
  if (report.problems) out.emplace_back("problems right");
  return out;
}

/// Columns on a terminal: all that is not ASCII here is as wide as a letter.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string line_of(const std::vector<std::string>& row, const std::vector<size_t>& widths) {
  std::string line = row[0] + std::string(widths[0] - width_of(row[0]), ' ');
  for (size_t i = 1; i < row.size(); ++i) line += "  " + std::string(widths[i] - width_of(row[i]), ' ') + row[i];
  return line + "\n";
}

Json format_json(const ComparedFormat& f, const CompareReport& report) {
  Json out = {{"weights", f.weights}};
  if (!f.kv.empty()) out["kv"] = f.kv;
  if (!f.problem.empty()) {
    out["error"] = {{"message", f.problem}};
    return out;
  }
  if (!f.kv.empty()) out["kv_bytes"] = f.kv_bytes;
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

std::string name_of(const ComparedFormat& format) {
  return format.kv.empty() ? format.weights : fmt::format("{}, kv {}", format.weights, format.kv);
}

std::string compare_text(const CompareReport& report) {
  std::vector<std::vector<std::string>> rows = {titles(report)};
  for (const ComparedFormat& f : report.formats)
    if (f.problem.empty()) rows.push_back(cells(f, report));
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out = fmt::format("model    {}\nmachine  {}\nagainst the FP32 forward at {} of {}{}\n\n", report.model,
                                report.machine, plural(report.positions, "position"), plural(report.texts, "text"),
                                report.problems ? fmt::format("; {}, greedy", plural(report.problems, "problem")) : "");
  for (const auto& row : rows) out += line_of(row, widths);
  for (const ComparedFormat& f : report.formats)
    if (!f.problem.empty()) out += fmt::format("{}: {}\n", name_of(f), f.problem);
  return out;
}

Json compare_json(const CompareReport& report) {
  Json formats = Json::array();
  for (const ComparedFormat& f : report.formats) formats.push_back(format_json(f, report));
  return {{"model", report.model}, {"machine", report.machine},   {"positions", report.positions},
          {"texts", report.texts}, {"problems", report.problems}, {"formats", std::move(formats)}};
}

std::string compare_svg(const CompareReport& report) {
  const bool kv = compares_kv(report);
  const auto bytes_of = [kv](const ComparedFormat& f) { return f.bytes + (kv ? f.kv_bytes : 0); };
  uint64_t most = 0;
  for (const ComparedFormat& f : report.formats) most = std::max(most, bytes_of(f));
  const bool gib = most > uint64_t{4} << 30;
  const std::string_view what = kv ? "Weights, keys and values" : "Weights", unit = gib ? "GiB" : "MiB";
  ScatterPlot plot{.title = fmt::format("{} in memory against distance from the FP32 forward", what),
                   .subtitle = report.model,
                   .x_label = fmt::format("{} in memory, {}", kv ? "weights, keys and values" : "weights", unit),
                   .y_label = "mean KL divergence from the FP32 forward, nats",
                   .points = {}};
  for (const ComparedFormat& f : report.formats)
    if (f.problem.empty())
      plot.points.push_back({static_cast<double>(bytes_of(f)) / (gib ? 0x1p30 : 0x1p20), f.kl, name_of(f)});
  return to_svg(plot);
}

}  // namespace mxpath
