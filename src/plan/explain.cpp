#include "plan/explain.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string duration(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

std::string slower_text(double ratio) {
  return ratio < 1.05 ? "about as fast" : fmt::format("{:.1f} times slower", ratio);
}

/// Why a candidate is not the chosen one: slower, or refused.
std::string verdict(const Candidate& candidate, const Decision& decision, bool verbose) {
  if (candidate.why_not.empty()) return slower_text(candidate.seconds / decision.all.front().seconds);
  if (!verbose) {
    const size_t more = candidate.why_not.size() - 1;
    return to_string(candidate.why_not.front()) + (more ? fmt::format(" (+{})", more) : "");
  }
  std::string text;
  for (const Refusal& refusal : candidate.why_not) text += (text.empty() ? "" : ", and ") + to_string(refusal);
  return text;
}

/// What a row of a composite site computes itself: ", which computes moe.gate_up, swiglu itself".
std::string fused_text(const KernelPath& path) {
  std::string parts;
  for (const FusedPart& part : path.fuses)
    parts += fmt::format("{}{}", parts.empty() ? "" : " and ", name_of(part.site));
  return parts.empty() ? "" : fmt::format("  computes {} itself", parts);
}

/// Regimes that chose the same path, as one line: "tokens 1..15".
std::string chosen_lines(const SitePlan& plan) {
  std::string out;
  for (size_t r = 0; r < plan.decisions.size();) {
    size_t last = r;
    while (last + 1 < plan.decisions.size() && plan.decisions[last + 1].chosen == plan.decisions[r].chosen) ++last;
    const Range tokens{plan.decisions[r].regime.tokens.low, plan.decisions[last].regime.tokens.high};
    std::string times;
    for (size_t i = r; i <= last; ++i)
      times += fmt::format("{}{}", i == r ? "" : " | ", duration(plan.decisions[i].all.front().seconds));
    out += fmt::format("  > {:<44} tokens {:<6} {}{}\n", plan.decisions[r].chosen->name, tokens.to_string(), times,
                       fused_text(*plan.decisions[r].chosen));
    r = last + 1;
  }
  return out;
}

/// The chosen paths in the order of token counts, each once in a row.
std::string chosen_names(const SitePlan& plan) {
  std::string names;
  const KernelPath* last = nullptr;
  for (const Decision& d : plan.decisions)
    if (d.chosen != last) last = d.chosen, names += fmt::format("{}{}", names.empty() ? "" : ", ", last->name);
  return names;
}

bool ever_chosen(const SitePlan& plan, const KernelPath* path) {
  return std::ranges::any_of(plan.decisions, [&](const Decision& d) { return d.chosen == path; });
}

/// Every other row once, with the reason at one token.
std::string other_lines(const SitePlan& plan) {
  std::string out;
  for (const Candidate& c : plan.decisions.front().all)
    if (!ever_chosen(plan, c.path))
      out += fmt::format("    {:<44} {}\n", c.path->name, verdict(c, plan.decisions.front(), false));
  return out;
}

std::string verbose_lines(const SitePlan& plan) {
  std::string out;
  for (const Decision& decision : plan.decisions) {
    out +=
        fmt::format("  tokens {} (priced at {})\n", decision.regime.tokens.to_string(), decision.regime.typical.tokens);
    for (const Candidate& c : decision.all) {
      const bool chosen = c.path == decision.chosen;
      out += fmt::format("  {} {:<44} {:>10}  {}\n", chosen ? ">" : " ", c.path->name, duration(c.seconds),
                         chosen ? fmt::format("chosen; {}", invariance_of(*c.path)) : verdict(c, decision, true));
    }
  }
  return out;
}

std::string site_header(const Plan& whole, const SitePlan& plan) {
  const Site& s = plan.site;
  std::string shape = s.k ? fmt::format("n={} k={}", s.n, s.k) : fmt::format("n={}", s.n);
  if (s.experts > 1) shape += fmt::format(" experts={}/{}", s.experts_per_token, s.experts);
  if (s.keys) shape += fmt::format(" keys={}", s.keys);
  const std::string layout =
      s.has_weights() ? fmt::format("  weights {}{}", name_of(plan.layout),
                                    s.format != s.stored ? fmt::format(" (stored {})", name_of(s.stored)) : "")
                      : "";
  const std::string where = s.device.is_gpu() ? fmt::format("on {}  ", whole.name_of(s.device)) : "";
  return fmt::format("{} × {}  {}{}{}\n", s.count, title_of(s), where, shape, layout);
}

/// A composite site, with its parts by name; they have plans of their own.
std::string block_text(const Plan& whole, const BlockPlan& block, bool verbose) {
  const Site& s = block.plan.site;
  std::string parts;
  for (const SitePlan* part : whole.parts_of(block))
    parts += fmt::format("{}{}", parts.empty() ? "" : ", ", part->site.name());
  const std::string where = s.device.is_gpu() ? fmt::format("on {}  ", whole.name_of(s.device)) : "";
  return fmt::format("{} × {}  {}made of {}\n", s.count, title_of(s), where, parts) +
         (verbose ? verbose_lines(block.plan) : chosen_lines(block.plan) + other_lines(block.plan));
}

std::string memory_line(const Plan& plan, const MemoryPlan& m) {
  const std::string in_place = m.mapped ? fmt::format("; {} more read in place", human_bytes(double(m.mapped))) : "";
  const std::string held = m.held   ? fmt::format("; other programs hold {}", human_bytes(double(m.held)))
                           : m.free ? fmt::format("; only {} is free now", human_bytes(double(m.free)))
                                    : "";
  return fmt::format(
      "{} of {} ({}): weights {}, key/value cache {} for {}, scratch {}{}{}", human_bytes(double(m.total())),
      human_bytes(double(m.available)), m.fits() ? "fits" : "does not fit", human_bytes(double(m.weights)),
      human_bytes(double(m.kv_cache)), plural(plan.context, "token"), human_bytes(double(m.scratch)), in_place, held);
}

/// The transfers between GPUs, where there are several. The placement says what the CPU's part costs.
std::string crossing_line(const Plan& plan) {
  if (plan.placement.gpus.size() < 2) return "";
  return fmt::format("crossings {} per token, {} ({})\n", plan.placement.crossings().size(),
                     duration(plan.crossing_seconds.front()), plan.crossing_note);
}

/// How many conversations of which length there is memory for, and in what the cache is held.
std::string sequences_line(const Plan& plan) {
  std::string all;
  for (const int tokens : std::set{std::min(1024, plan.context), std::min(4096, plan.context), plan.context})
    all += fmt::format("{}{} of {}", all.empty() ? "" : ", ", plan.sequences_that_fit(tokens), plural(tokens, "token"));
  const std::string planned = plan.sequences > 1 ? fmt::format("{} at once; ", plan.sequences) : "";
  return fmt::format("sequences {}{} holds {}; keys and values in {}\n", planned,
                     plan.kv_memory > 0 ? "the pool" : "memory", all, name_of(plan.kv.format));
}

std::string expected_line(const Plan& plan) {
  return fmt::format("{:.1f} tok/s answering, {:.1f} tok/s reading a prompt; {} of weights per token",
                     1 / plan.decode_seconds, 512 / plan.prefill_seconds, human_bytes(plan.decode_bytes));
}

std::string conversion_lines(const Plan& plan) {
  std::string out;
  for (const Conversion& conversion : plan.conversions) out += fmt::format("converts  {}\n", to_string(conversion));
  return out;
}

std::string header(const Plan& plan, bool brief = false) {
  std::string out = plan.not_built.empty() ? "" : fmt::format("NOT BUILT {}\n", plan.not_built);
  out +=
      fmt::format("model     {}\nmachine   {}\ndevice    {}{}\nmemory    {}\n", plan.model, plan.machine,
                  plan.placement.to_string(), plan.device_reason.empty() ? "" : fmt::format(": {}", plan.device_reason),
                  memory_line(plan, plan.memory()));
  for (const auto& [id, memory, pages] : plan.devices)
    if (id.is_gpu())
      out += fmt::format("on {:<7}{}\n", plan.placement.gpus.size() > 1 ? to_string(id) : "GPU",
                         memory_line(plan, memory));
  out += (brief ? "" : sequences_line(plan)) + crossing_line(plan);
  out += fmt::format("expected  {}\n", expected_line(plan));
  for (const auto& concession : plan.concessions)
    out += fmt::format("{:<10}{}\n", label_of(concession.kind), concession.text);
  return out;
}

Json refusal_json(const Refusal& r) {
  return {{"check", name_of(r.check)}, {"wants", r.wants}, {"have", r.have}, {"text", to_string(r)}};
}

Json range_json(const Range& range) {
  return {{"low", range.low}, {"high", range.high == Range{}.high ? Json() : Json(range.high)}};
}

Json decision_json(const Decision& d) {
  Json all = Json::array();
  for (const Candidate& c : d.all) {
    Json why_not = Json::array();
    for (const Refusal& r : c.why_not) why_not.push_back(refusal_json(r));
    all.push_back({{"path", c.path->name},
                   {"chosen", c.path == d.chosen},
                   {"seconds", c.seconds},
                   {"arithmetic", name_of(c.path->arithmetic)},
                   {"batch_invariant", c.path->batch_invariant},
                   {"thread_invariant", c.path->thread_invariant},
                   {"why_not", std::move(why_not)}});
  }
  return {{"tokens", range_json(d.regime.tokens)},
          {"priced_at", d.regime.typical.tokens},
          {"chosen", d.chosen->name},
          {"paths", std::move(all)}};
}

Json memory_json(const MemoryPlan& m) {
  return {{"weights", m.weights}, {"kv_cache", m.kv_cache},   {"scratch", m.scratch},     {"mapped", m.mapped},
          {"total", m.total()},   {"available", m.available}, {"held_by_others", m.held}, {"fits", m.fits()}};
}

/// "bf16"; of a matrix whose tensors differ all of them: "bf16, fp16".
std::string stored_text(const Site& site) {
  std::string text;
  for (const NumberFormat format : site.tensors) text += fmt::format("{}{}", text.empty() ? "" : ", ", name_of(format));
  return text;
}

Json devices_json(const Plan& plan) {
  Json out = Json::array();
  for (const auto& [id, memory, pages] : plan.devices)
    out.push_back({{"device", to_string(id)}, {"memory", memory_json(memory)}, {"kv_pages", pages}});
  return out;
}

Json gpus_json(const Placement& placement) {
  Json out = Json::array();
  for (const auto& [gpu, layers] : placement.gpus) out.push_back({{"device", to_string(gpu)}, {"layers", layers}});
  return out;
}

Json site_json(const SitePlan& plan) {
  const Site& s = plan.site;
  Json out = {{"site", s.name()},
              {"op", name_of(s.op())},
              {"device", to_string(s.device)},
              {"count", s.count},
              {"n", s.n},
              {"k", s.k},
              {"experts", s.experts},
              {"experts_per_token", s.experts_per_token},
              {"keys", s.keys}};
  if (s.has_weights())
    out["weights"] = {{"stored", stored_text(s)},
                      {"format", name_of(s.format)},
                      {"lossless", is_lossless(s.stored, s.format)},
                      {"layout", name_of(plan.layout)},
                      {"bytes", layout_bytes(plan.layout, s.experts, s.n, s.k) * static_cast<uint64_t>(s.count)}};
  if (!s.shard.is_whole()) out["shard"] = {{"rank", s.shard.rank}, {"of", s.shard.of}};
  if (s.adapters > 0) out["adapters"] = s.adapters;
  if (!s.stored_alike) out["layers"] = std::vector<int>(s.layers.begin(), s.layers.end());
  out["regimes"] = Json::array();
  for (const Decision& d : plan.decisions) out["regimes"].push_back(decision_json(d));
  return out;
}

Json block_json(const Plan& whole, const BlockPlan& block) {
  const Site& s = block.plan.site;
  Json parts = Json::array(), decisions = Json::array();
  for (const SitePlan* part : whole.parts_of(block)) parts.push_back(part->site.name());
  for (const Decision& d : block.plan.decisions) decisions.push_back(decision_json(d));
  return {{"site", s.name()},
          {"op", name_of(s.op())},
          {"device", to_string(s.device)},
          {"count", s.count},
          {"layers", std::vector<int>(s.layers.begin(), s.layers.end())},
          {"parts", std::move(parts)},
          {"regimes", std::move(decisions)}};
}

Json conversion_json(const Conversion& c) {
  return {{"sites", c.sites},
          {"from", name_of(c.from)},
          {"to", name_of(c.to)},
          {"matrices", c.matrices},
          {"values", c.values},
          {"bytes_before", c.bytes_before},
          {"bytes_after", c.bytes_after},
          {"lossless", c.lossless()}};
}

Json conversions_json(const Plan& plan) {
  Json out = Json::array();
  for (const Conversion& c : plan.conversions) out.push_back(conversion_json(c));
  return out;
}

}  // namespace

std::string to_string(const Conversion& c, std::optional<uint64_t> rounded) {
  std::string loss(loss_of(c.from, c.to));
  if (rounded)
    loss = *rounded == 0 ? "without loss"
                         : fmt::format("with loss: {:.3g} % of the values rounded",
                                       100 * static_cast<double>(*rounded) / static_cast<double>(c.values));
  return fmt::format("{}: {} to {}, {} to {}, {}", fmt::join(c.sites, ", "), name_of(c.from), name_of(c.to),
                     human_bytes(double(c.bytes_before)), human_bytes(double(c.bytes_after)), loss);
}

Json concessions_json(const Plan& plan) {
  Json out = Json::array();
  for (const Concession& concession : plan.concessions) out.push_back(concession.text);
  return out;
}

std::string explain(const Plan& plan, bool verbose) {
  std::string out = header(plan) + conversion_lines(plan);
  for (const SitePlan& site : plan.sites)
    out += "\n" + site_header(plan, site) + (verbose ? verbose_lines(site) : chosen_lines(site) + other_lines(site));
  for (const BlockPlan& block : plan.blocks) out += "\n" + block_text(plan, block, verbose);
  return out;
}

std::string explain_briefly(const Plan& plan) {
  std::string lines;
  for (const SiteId id : {SiteId::qkv, SiteId::gate_up, SiteId::head})
    for (const SitePlan& site : plan.sites) {
      if (site.site.id != id) continue;
      lines += fmt::format("{}{}: {}", lines.empty() ? "paths     " : "\n          ", title_of(site.site),
                           chosen_names(site));
      if (site.site.stored_alike) break;  // of two devices the GPU alone
    }
  return header(plan, true) + lines + "\n";
}

namespace {

Json kv_json(const Plan& plan) {
  Json fit = Json::array();
  for (const int tokens : {512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072})
    if (tokens <= plan.context) fit.push_back({{"tokens", tokens}, {"sequences", plan.sequences_that_fit(tokens)}});
  return {{"format", name_of(plan.kv.format)}, {"page_tokens", kv_page_tokens}, {"sequences_that_fit", std::move(fit)}};
}

}  // namespace

Json plan_to_json(const Plan& plan) {
  Json sites = Json::array();
  for (const SitePlan& site : plan.sites) sites.push_back(site_json(site));
  Json blocks = Json::array();
  for (const BlockPlan& block : plan.blocks) blocks.push_back(block_json(plan, block));
  return {{"model", plan.model},
          {"machine", plan.machine},
          {"not_built", plan.not_built.empty() ? Json() : Json(plan.not_built)},
          {"device", name_of(plan.device.kind)},
          {"device_reason", plan.device_reason},
          {"context", plan.context},
          {"sequences", plan.sequences},
          {"kv", kv_json(plan)},
          {"chunk", plan.chunk},
          {"threads", plan.threads},
          {"placement",
           {{"gpu_layers", plan.placement.gpu_layers()},
            {"gpus", gpus_json(plan.placement)},
            {"cpu_experts", plan.placement.cpu_experts},
            {"gpu_embedding", plan.placement.gpu_embedding},
            {"text", plan.placement.to_string()}}},
          {"memory", memory_json(plan.memory())},  // of the computer itself; each device has its own
          {"devices", devices_json(plan)},
          {"crossings", plan.placement.crossings().size()},
          {"fitting_context", plan.fitting_context},
          {"would_fit", plan.suggestions},
          {"expected",
           {{"decode_tokens_per_second", 1 / plan.decode_seconds},
            {"prefill_tokens_per_second", 512 / plan.prefill_seconds},
            {"decode_bytes", plan.decode_bytes}}},
          {"conversions", conversions_json(plan)},
          {"concessions", concessions_json(plan)},
          {"sites", std::move(sites)},
          {"blocks", std::move(blocks)}};
}

}  // namespace mxpath
