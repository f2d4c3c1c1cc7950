#include <algorithm>

#include "base/text.h"
#include "convert/convert.h"

namespace mxpath::convert {
namespace {

struct TargetRow {
  std::string_view name;
  CheckpointLayout layout;
};
constexpr std::array targets = {TargetRow{"bf16", CheckpointLayout::hugging_face_bf16},
                                TargetRow{"mxfp4", CheckpointLayout::hugging_face_mxfp4},
                                TargetRow{"original", CheckpointLayout::openai_original}};

struct RuleRow {
  std::string_view name;
  ScaleRule rule;
};
constexpr std::array rules = {RuleRow{"ocp", ScaleRule::ocp}, RuleRow{"ceil", ScaleRule::ceil},
                              RuleRow{"nearest", ScaleRule::nearest}};

}  // namespace

std::optional<CheckpointLayout> parse_target(std::string_view name) {
  const auto row = std::find_if(targets.begin(), targets.end(), [&](const TargetRow& r) { return r.name == name; });
  return row == targets.end() ? std::nullopt : std::optional(row->layout);
}

std::string_view target_name(CheckpointLayout layout) {
  return std::find_if(targets.begin(), targets.end(), [&](const TargetRow& r) { return r.layout == layout; })->name;
}

std::optional<ScaleRule> parse_scale_rule(std::string_view name) {
  const auto row = std::find_if(rules.begin(), rules.end(), [&](const RuleRow& r) { return r.name == name; });
  return row == rules.end() ? std::nullopt : std::optional(row->rule);
}

std::string_view name_of(ScaleRule rule) {
  return std::find_if(rules.begin(), rules.end(), [&](const RuleRow& r) { return r.rule == rule; })->name;
}

std::string to_text(const ConvertReport& report) {
  std::string out = fmt::format("{} -> {}: {} in {}\n", report.from, report.to,
                                human_bytes(static_cast<double>(report.bytes)), plural(report.files, "file"));
  const auto lossy = static_cast<size_t>(std::count_if(report.tensors.begin(), report.tensors.end(),
                                                       [](const TensorLoss& t) { return t.loss.changed > 0; }));
  if (const size_t exact = report.tensors.size() - lossy)
    out += fmt::format("{} changed format without any loss\n", plural(exact, "tensor"));
  if (lossy)
    out += fmt::format("{} lost precision:\n{:<56} {:>11} {:>11} {:>9}\n", plural(lossy, "tensor"), "tensor",
                       "max |delta|", "mean |delta|", "changed");
  for (const auto& [name, loss] : report.tensors)
    if (loss.changed)
      out += fmt::format("{:<56} {:>11.3g} {:>11.3g} {:>8.2f} %\n", name, loss.largest, loss.mean(),
                         100 * loss.share_changed());
  for (const auto& remark : report.remarks) out += fmt::format("note: {}\n", remark);
  return out;
}

Json to_json(const ConvertReport& report) {
  Json json{{"from", report.from}, {"to", report.to}, {"bytes", report.bytes}, {"files", report.files}};
  json["tensors"] = Json::array();
  for (const auto& [name, loss] : report.tensors)
    json["tensors"].push_back({{"name", name},
                               {"values", loss.values},
                               {"changed", loss.changed},
                               {"share_changed", loss.share_changed()},
                               {"max_abs_delta", loss.largest},
                               {"mean_abs_delta", loss.mean()}});
  json["remarks"] = report.remarks;
  return json;
}

}  // namespace mxpath::convert
