#include "app/reports/machine_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "app/manifest_of.h"
#include "app/planner.h"
#include "base/json.h"
#include "base/text.h"
#include "machine/known_machines.h"

namespace mxpath {
namespace {

/// "moe_gate_up.cpu.avx512.mxfp4_f32" → "cpu.avx512.mxfp4_f32"; several where layers are stored differently.
std::string expert_paths(const Plan& plan, int tokens) {
  std::string out;
  for (const std::string_view path : plan.paths_of(SiteId::gate_up, tokens))
    out += fmt::format("{}{}", out.empty() ? "" : ", ", path.substr(path.find('.') + 1));
  return out;
}

void fill(MachineRow& row, const Plan& plan) {
  row.placement = plan.placement.to_string();
  row.decode = expert_paths(plan, 1), row.prefill = expert_paths(plan, 512);
  row.not_built = !plan.not_built.empty(), row.fits = plan.fits() && !row.not_built, row.context = plan.fitting_context,
  row.suggestions = plan.suggestions;
  row.bytes = plan.memory().total() + plan.gpu_memory().total();
  row.decode_tokens_per_second = 1 / plan.decode_seconds, row.prefill_tokens_per_second = 512 / plan.prefill_seconds;
}

Result<MachineRow> row_of(const KnownMachine& known, const Manifest& manifest, const Policy& policy) {
  MXPATH_TRY(const Machine machine, known_machine(known.name));
  MachineRow row;
  row.name = known.name, row.hardware = machine.gpus.empty() ? machine.cpu.name : machine.gpus.front().name;
  const auto plan = plan_elsewhere(manifest, machine, policy);
  // What cannot be meant on any machine is the user's error, not a property of this one.
  if (!plan.ok() && plan.error().kind == ErrorKind::wrong_use) return plan.error();
  if (!plan.ok()) return row.error = plan.error().message, row;
  fill(row, *plan);
  return row;
}

std::string rate(double tokens_per_second) {
  return fmt::format("{:.{}f}", tokens_per_second, tokens_per_second < 10 ? 1 : 0);
}

std::string verdict(const MachineRow& row) {
  if (row.not_built) return "no: mxpath is built for x86-64 only";
  if (row.fits) return "fits";
  if (!row.suggestions.empty()) return fmt::format("no; {}", fmt::join(row.suggestions, " or "));
  return "no";
}

using Cells = std::array<std::string, 8>;

Cells cells_of(const MachineRow& row, Wording wording) {
  if (!row.error.empty()) return {row.name, row.hardware, "no plan", in_words(row.error, wording), "", "", "", ""};
  return {row.name,
          row.hardware,
          row.placement,
          row.decode,
          row.prefill == row.decode ? "the same" : row.prefill,
          human_bytes(double(row.bytes)),
          rate(row.decode_tokens_per_second) + " | " + rate(row.prefill_tokens_per_second),
          in_words(verdict(row), wording)};
}

/// Characters on a terminal: bytes that do not continue a UTF-8 sequence.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

Result<MachineTable> plan_everywhere(std::string_view model, const ModelPlaces& places, const Policy& policy) {
  MXPATH_TRY(const Manifest manifest, manifest_of(model, places));
  MachineTable table;
  table.context = std::min(policy.context ? policy.context : default_context, manifest.config.max_positions);
  table.model = fmt::format("{}, {}, hidden {}", plural(manifest.config.layers, "layer"),
                            plural(manifest.config.experts, "expert"), manifest.config.hidden);
  for (const KnownMachine& known : known_machines()) {
    MXPATH_TRY(MachineRow row, row_of(known, manifest, policy));
    table.rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(table.rows, {},
                           [](const MachineRow& row) { return std::tuple(!row.fits, -row.decode_tokens_per_second); });
  return table;
}

std::string to_text(const MachineTable& table, Wording wording) {
  std::vector<Cells> lines = {{"machine", "hardware", "on", "answering", "reading a prompt", "memory", "tok/s",
                               fmt::format("at {}", plural(table.context, "token"))}};
  for (const MachineRow& row : table.rows) lines.push_back(cells_of(row, wording));
  std::array<size_t, 8> widths{};
  for (const Cells& line : lines)
    for (size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], i == 3 && line[2] == "no plan" ? 0 : width_of(line[i]));
  std::string out;
  for (const Cells& line : lines) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i)
      text += line[i] + std::string(widths[i] - std::min(widths[i], width_of(line[i])) + 2, ' ');
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

Json to_json(const MachineTable& table) {
  Json rows = Json::array();
  for (const MachineRow& row : table.rows) {
    Json json = {{"machine", row.name}, {"hardware", row.hardware}};
    if (!row.error.empty()) json["error"] = row.error;
    else
      json.update({{"placement", row.placement},
                   {"decode_path", row.decode},
                   {"prefill_path", row.prefill},
                   {"not_built", row.not_built},
                   {"fits", row.fits},
                   {"context_that_fits", row.context},
                   {"would_fit", row.suggestions},
                   {"bytes", row.bytes},
                   {"decode_tokens_per_second", row.decode_tokens_per_second},
                   {"prefill_tokens_per_second", row.prefill_tokens_per_second}});
    rows.push_back(std::move(json));
  }
  return {{"model", table.model}, {"context", table.context}, {"machines", std::move(rows)}};
}

}  // namespace mxpath
