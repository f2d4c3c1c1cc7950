#include "compact_plan.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace mxpath {
namespace {

/// "moe_gate_up.cpu.avx512.mxfp4_f32" → "avx512.mxfp4_f32": the op stands before, the device above.
std::string_view short_name(const KernelPath& path) {
  return path.name.substr(path.name.find('.', path.name.find('.') + 1) + 1);
}

std::string chosen(const SitePlan& site) {
  std::string out;
  for (size_t r = 0; r < site.decisions.size();) {
    size_t last = r;
    while (last + 1 < site.decisions.size() && site.decisions[last + 1].chosen == site.decisions[r].chosen) ++last;
    const Range tokens{site.decisions[r].regime.tokens.low, site.decisions[last].regime.tokens.high};
    out += fmt::format("{}{} {}", r ? ", " : "", short_name(*site.decisions[r].chosen), tokens.to_string());
    r = last + 1;
  }
  return out;
}

std::string seconds(const SitePlan& site) {
  std::string out;
  for (const Decision& d : site.decisions) {
    const double us = d.all.front().seconds * 1e6;
    out += fmt::format("{}{:.{}f}", out.empty() ? "" : " | ", us, us < 100 ? 1 : 0);
  }
  return out + " us";
}

std::string refused(const SitePlan& site) {
  std::map<Check, std::string> by_check;
  for (const Candidate& c : site.decisions.front().all)
    if (c.path->device == site.site.device.kind && !c.why_not.empty()) {
      std::string& names = by_check[c.why_not.front().check];
      names += fmt::format("{}{}", names.empty() ? "" : ", ", short_name(*c.path));
    }
  std::string out;
  for (const auto& [check, names] : by_check)
    out += fmt::format("{}{}: {}", out.empty() ? "    not " : "; ", name_of(check), names);
  return out.empty() ? out : out + "\n";
}

std::string site_text(const SitePlan& site) {
  return fmt::format("{} {}x{} {}: {}; {}\n{}", site.site.name(), site.site.device.is_gpu() ? "gpu " : "",
                     site.site.count, name_of(site.layout), chosen(site), seconds(site), refused(site));
}

/// A composite site where a row computes some of it itself; else its parts have said all.
std::string block_text(const SitePlan& block) {
  const bool fused = std::ranges::any_of(block.decisions, [](const Decision& d) { return !d.chosen->fuses.empty(); });
  if (!fused) return "";
  return fmt::format("{} {}x{}: {}; {}\n", block.site.name(), block.site.device.is_gpu() ? "gpu " : "",
                     block.site.count, chosen(block), seconds(block));
}

}  // namespace

std::string compact(const Plan& plan, const Plan* base) {
  const MemoryPlan m = plan.memory(), gpu = plan.gpu_memory();
  std::string out = plan.not_built.empty() ? "" : "NOT BUILT " + plan.not_built + "\n";
  out += fmt::format(
      "{}{}: {} of {} MiB{}{}, {:.4g} and {:.4g} tok/s\n", plan.placement.to_string(),
      plan.device_reason.empty() ? "" : fmt::format(" ({})", plan.device_reason), m.total() >> 20, m.available >> 20,
      plan.device.is_gpu() ? fmt::format(", of the GPU {} of {} MiB", gpu.total() >> 20, gpu.available >> 20) : "",
      plan.fits() ? "" : " (does not fit)", 1 / plan.decode_seconds, 512 / plan.prefill_seconds);
  for (const std::string& flags : plan.suggestions) out += "would fit: " + flags + "\n";
  for (const Concession& concession : plan.concessions)
    out += fmt::format("{} {}\n", label_of(concession.kind), concession.text);
  for (const SitePlan& site : plan.sites) {
    const SitePlan* before = base ? base->find(site.site.id, site.site.layers.first(), site.site.device) : nullptr;
    if (const std::string text = site_text(site); !before || site_text(*before) != text) out += text;
  }
  for (const BlockPlan& block : plan.blocks) {
    const BlockPlan* before = base ? base->find_block(block.plan.site.id, block.plan.site.layers.first()) : nullptr;
    if (const std::string text = block_text(block.plan); !before || block_text(before->plan) != text) out += text;
  }
  return out;
}

}  // namespace mxpath
