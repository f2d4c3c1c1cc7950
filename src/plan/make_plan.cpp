#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hint.h"
#include "base/nearest.h"
#include "base/text.h"
#include "plan/fault.h"
#include "plan/place.h"
#include "plan/plan.h"
#include "plan/what_fits.h"

namespace mxpath {
namespace {

/// Globs that name nothing are typing errors, and silence would hide them.
Status check_globs(const Policy& policy, const Catalogue& catalogue) {
  const auto known = [&](const std::string& glob) {
    return std::ranges::any_of(catalogue.paths, [&](const KernelPath* path) { return glob_match(glob, path->name); });
  };
  const auto check = [&](Knob knob, const std::string& glob) -> Status {
    if (known(glob)) return {};
    std::vector<std::string_view> names;
    for (const KernelPath* path : catalogue.paths) names.push_back(path->name);
    return wrong_use("{}: no path has such a name{}; `mxpath plan -v` lists them", mention(knob, printable(glob)),
                     nearest_note(glob, names));
  };
  for (const auto& glob : policy.only) MXPATH_CHECK(check(Knob::only, glob));
  for (const auto& glob : policy.exclude) MXPATH_CHECK(check(Knob::exclude, glob));
  return check_injected_failures(policy, catalogue);
}

Status check_formats(const std::vector<Site>& sites) {
  for (const Site& site : sites)
    if (site.has_weights() && site.format.group && site.k % site.format.group != 0)
      return fail("{}: the {} columns of {} do not divide into groups of {}; choose {} or int8",
                  mention(Knob::weights, name_of(site.format)), site.k, site.name(), site.format.group,
                  site.k % 32 != 0 ? "bf16" : fmt::format("{}-g32", name_of(site.format.format)));
  return {};
}

/// Whether a row could hold these weights at all: rows for other formats are no loss.
bool holds(const KernelPath& path, const Site& site) {
  return path.weights == Layout::any || path.weights == Layout::none || held_in(path.weights) == site.format;
}

/// The row that was lost: the best of those that failed here, else the best refused one when nothing but the portable
/// row is left.
const Candidate* lost_to(const Decision& decision, const Site& site, const Failures& failures) {
  const Candidate& chosen = decision.all.front();
  const bool only_floor =
      std::ranges::none_of(decision.all, [&](const Candidate& c) { return c.why_not.empty() && !is_floor(*c.path); });
  const auto failed = [&](const Candidate& c) { return failures.contains({std::string(c.path->name), site.device}); };
  const Candidate* lost = nullptr;
  for (const Candidate& c : decision.all) {
    if (c.path->device != site.device.kind) continue;
    const bool given_up =
        only_floor || (failed(c) && c.seconds <= chosen.seconds);  // at the same price the table decides
    if (c.why_not.empty() || !holds(*c.path, site) || !given_up) continue;
    if (!lost || std::tuple(!failed(c), c.seconds) < std::tuple(!failed(*lost), lost->seconds)) lost = &c;
  }
  return lost;
}

void concede(std::vector<Concession>& out, const SitePlan& plan, const Failures& failures) {
  std::string last;
  for (const Decision& decision : plan.decisions) {
    const Candidate* lost = lost_to(decision, plan.site, failures);
    if (!lost || lost->path->name == last) continue;
    last = lost->path->name;
    const double ratio = decision.all.front().seconds / lost->seconds;
    const std::string slower = ratio > 1.05 ? fmt::format(", about {:.1f} times slower than {}", ratio, last)
                                            : fmt::format(" instead of {}", last);
    // A failure here is the reason even where planning again has changed the layout too, and so is anything but the
    // layout itself.
    const auto beside_layout =
        std::ranges::find_if(lost->why_not, [](const Refusal& r) { return r.check != Check::layout; });
    const Refusal& reason = failures.contains({last, plan.site.device}) ? lost->why_not.back()
                            : beside_layout != lost->why_not.end()      ? *beside_layout
                                                                        : lost->why_not.front();
    out.push_back({Concession::Kind::fallback, fmt::format("{} runs on {}{} ({})", title_of(plan.site),
                                                           decision.chosen->name, slower, to_string(reason))});
  }
}

/// One line for each row that rounds more than the checkpoint's numbers ask for.
void concede_arithmetic(std::vector<Concession>& out, const SitePlan& plan) {
  const KernelPath* last = nullptr;
  for (const Decision& decision : plan.decisions) {
    const KernelPath* path = std::exchange(last, decision.chosen);
    if (path == decision.chosen) continue;
    const Arithmetic arithmetic = decision.chosen->arithmetic;
    if (arithmetic != Arithmetic::int8_dynamic && arithmetic != Arithmetic::tf32) continue;
    const std::string_view what =
        arithmetic == Arithmetic::tf32 ? "rounds activations and weights to tf32" : "quantises activations to int8";
    out.push_back({Concession::Kind::arithmetic, fmt::format("{} {} ({}), allowed by {}", title_of(plan.site), what,
                                                             decision.chosen->name, mention(Knob::numerics, "fast"))});
  }
}

/// Keys and values in fewer bits than the checkpoint computes in.
void concede_kv(Plan& plan) {
  const NumberFormat kv = plan.kv.format;
  if (kv != NumberFormat::int8 && kv != NumberFormat::fp8_e4m3) return;
  const std::string_view loss =
      kv == NumberFormat::int8 ? "by up to 0.4 % of the largest of a row" : "by up to 6 % of each, and hold up to 448";
  plan.concessions.push_back(
      {Concession::Kind::arithmetic,
       fmt::format("keys and values are rounded {}, asked for by {}", loss, mention(Knob::kv, name_of(kv)))});
}

/// Of composite sites, rows that failed here; where another refusal speaks against one, its parts have said what is to
/// be said.
void concede_blocks(Plan& plan, const Failures& failures) {
  for (const BlockPlan& block : plan.blocks) {
    const auto failed = [&](const Candidate& c) {
      return failures.contains({std::string(c.path->name), block.plan.site.device});
    };
    if (std::ranges::any_of(block.plan.decisions,
                            [&](const Decision& d) { return std::ranges::any_of(d.all, failed); }))
      concede(plan.concessions, block.plan, failures);
  }
}

void add_concessions(Plan& plan, const Failures& failures) {
  for (const SitePlan& site : plan.sites) {
    const Site& s = site.site;
    if (s.has_weights() && s.format != s.stored)
      plan.concessions.push_back({Concession::Kind::conversion,
                                  fmt::format("{} holds its weights as {}, stored as {}, {}", title_of(s),
                                              name_of(s.format), name_of(s.stored), loss_of(s.stored, s.format))});
    concede(plan.concessions, site, failures);
    concede_arithmetic(plan.concessions, site);
  }
  concede_blocks(plan, failures);
  concede_kv(plan);
}

/// Sites that are converted alike share a line.
void add_conversions(Plan& plan) {
  for (const SitePlan& planned : plan.sites) {
    const Site& s = planned.site;
    if (!s.has_weights() || s.format == s.stored) continue;
    auto same = std::ranges::find_if(plan.conversions,
                                     [&](const Conversion& c) { return c.from == s.stored && c.to == s.format; });
    if (same == plan.conversions.end()) same = plan.conversions.insert(same, {s.stored, s.format, {}, 0, 0, 0, 0});
    if (!std::ranges::count(same->sites, title_of(s))) same->sites.push_back(title_of(s));
    same->matrices += static_cast<uint64_t>(s.experts * s.count);
    same->values += static_cast<uint64_t>(s.n * s.k * s.experts * s.count);
    same->bytes_before += layout_bytes(plain_layout(s.stored), s.experts, s.n, s.k) * static_cast<uint64_t>(s.count);
    same->bytes_after += layout_bytes(planned.layout, s.experts, s.n, s.k) * static_cast<uint64_t>(s.count);
  }
}

std::string describe(const Manifest& manifest) {
  const ModelConfig& c = manifest.config;
  return fmt::format("gpt-oss, {}, {}, {} active, hidden {}, {}", plural(c.layers, "layer"),
                     plural(c.experts, "expert"), c.experts_per_token, c.hidden, name_of(manifest.layout));
}

std::string describe(const Gpu& gpu) {
  return gpu.name + (gpu.bandwidth_assumed
                         ? fmt::format(", {:.0f} GB/s (assumed: its driver does not tell)", gpu.bandwidth / 1e9)
                         : "");
}

/// All GPUs: equal ones by their number, unequal ones with theirs.
std::string describe_gpus(const Machine& machine) {
  if (machine.gpus.empty()) return "";
  const std::string visible =
      machine.visible_gpus.empty() ? "" : fmt::format(" (CUDA_VISIBLE_DEVICES={})", printable(machine.visible_gpus));
  const Gpu& first = machine.gpus.front();
  const bool alike =
      std::ranges::all_of(machine.gpus, [&](const Gpu& other) { return describe(other) == describe(first); });
  if (alike)
    return fmt::format("; {}{}{}", machine.gpus.size() > 1 ? fmt::format("{} × ", machine.gpus.size()) : "",
                       describe(first), visible);
  std::string all;
  for (size_t i = 0; i < machine.gpus.size(); ++i)
    all += fmt::format("{} {}: {}", all.empty() ? ";" : ",", to_string(cuda_device(static_cast<int>(i))),
                       describe(machine.gpus[i]));
  return all + visible;
}

/// `asked`: the machine as the threads that were asked for see it.
std::string describe(const Machine& machine, const Machine& asked, int threads) {
  const Cpu& cpu = machine.cpu;
  const bool derived = asked.cpu.cores != (cpu.bandwidth_threads ? cpu.bandwidth_threads : cpu.cores);
  const std::string at_load = measured_while_busy(cpu) ? fmt::format(" at load {:.1f}", cpu.bandwidth_load) : "";
  const std::string beyond =
      threads > cpu.cores ? fmt::format(" on {} cores, slower than {}", cpu.cores, cpu.cores) : "";
  return fmt::format("{}, {}{}, {}, {:.1f} GB/s ({}{}{}{})", cpu.name.empty() ? machine.name : cpu.name,
                     plural(threads, "thread"), beyond, cpu.features.to_string(), asked.cpu.bandwidth / 1e9,
                     cpu.bandwidth_measured ? "measured" : "assumed", at_load,
                     derived ? fmt::format(", {} of {} cores", asked.cpu.cores, cpu.cores) : "",
                     cpu.bandwidth_spread > unsteady_spread
                         ? fmt::format(", unsteady: ±{:.0f} %", 50 * cpu.bandwidth_spread)
                         : "") +
         describe_gpus(machine);
}

/// Error (wrong use): less memory for keys and values than one sequence takes.
Status check_kv_memory(const Plan& plan, const Policy& policy) {
  if (policy.kv_memory == 0) return {};
  for (const DevicePlan& device : plan.devices) {
    const uint64_t page = plan.kv.page_bytes(device.id),
                   one = page * static_cast<uint64_t>(plan.kv.pages_for(device.id, plan.context, plan.chunk));
    if (policy.kv_memory < one)
      return wrong_use("{}: keys and values of one sequence of {} take {} of {}; choose that or more, or a smaller {}",
                       mention(Knob::kv_memory, human_bytes(double(policy.kv_memory))), plural(plan.context, "token"),
                       human_bytes(double(one)), device.id.is_gpu() ? to_string(device.id) : "memory",
                       mention(Knob::context));
  }
  return {};
}

/// Kernels and probes are for x86-64; nothing of this program runs elsewhere, on a GPU neither.
std::string why_not_built(const Machine& machine) {
  if (machine.cpu.isa == Isa::x86_64) return "";
  return fmt::format(
      "mxpath is built for x86-64 only and does not run on this machine, whose CPU is {}; the rest says what a port "
      "would do",
      name_of(machine.cpu.isa));
}

/// Where the model lies because of rows that failed on the GPU, against where it would lie without them.
Status concede_placement(Plan& plan, const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                         const Policy& policy, const Failures& failures) {
  const auto failed = std::ranges::find_if(failures, [](const auto& failure) { return failure.first.device.is_gpu(); });
  if (failed == failures.end()) return {};
  MXPATH_TRY(const Plan wished, plan_as_asked(manifest, catalogue, machine, policy, {}));
  if (wished.placement == plan.placement) return {};
  plan.concessions.push_back(
      {Concession::Kind::fallback,
       fmt::format("the model runs on {} instead of {}, about {:.1f} times slower, because of {}: {}",
                   plan.placement.to_string(), wished.placement.to_string(),
                   plan.decode_seconds / wished.decode_seconds, to_string(failed->first), failed->second.finding)});
  return {};
}

}  // namespace

std::string_view label_of(Concession::Kind kind) {
  switch (kind) {
    case Concession::Kind::fallback: return "fallback";
    case Concession::Kind::conversion: return "converted";
    case Concession::Kind::arithmetic: return "rounded";
  }
  return "";
}

const SitePlan& Plan::site(SiteId id) const {
  static const SitePlan none;
  const auto at = std::ranges::find_if(sites, [&](const SitePlan& plan) { return plan.site.id == id; });
  return at == sites.end() ? none : *at;
}

const SitePlan* Plan::find(SiteId id, int layer, DeviceId on) const {
  const auto at = std::ranges::find_if(sites, [&](const SitePlan& plan) {
    return plan.site.device == on && plan.site.id == id && plan.site.layers.contains(layer);
  });
  return at == sites.end() ? nullptr : &*at;
}

const BlockPlan* Plan::find_block(SiteId id, int layer) const {
  const auto at = std::ranges::find_if(blocks, [&](const BlockPlan& block) {
    return block.plan.site.id == id && block.plan.site.layers.contains(layer);
  });
  return at == blocks.end() ? nullptr : &*at;
}

std::vector<const SitePlan*> Plan::all_sites() const {
  std::vector<const SitePlan*> all;
  for (const SitePlan& site : sites) all.push_back(&site);
  for (const BlockPlan& block : blocks) all.push_back(&block.plan);
  return all;
}

std::vector<const SitePlan*> Plan::parts_of(const BlockPlan& block) const {
  std::vector<const SitePlan*> parts;
  for (const size_t i : block.parts) parts.push_back(&sites[i]);
  return parts;
}

std::vector<std::string_view> Plan::paths_of(SiteId id, int tokens) const {
  std::vector<std::string_view> paths;
  for (const SitePlan& plan : sites) {
    if (plan.site.id != id) continue;
    if (const std::string_view path = plan.path_for({tokens}).name; !std::ranges::count(paths, path))
      paths.push_back(path);
    if (plan.site.stored_alike) break;
  }
  return paths;
}

bool Plan::is_idle(const SitePlan& site) const {
  return site.site.id == SiteId::sample && !site.site.device.is_gpu() && device.is_gpu() &&
         find(SiteId::sample, LayerSet::outside, device);
}

bool Plan::fits() const {
  return std::ranges::all_of(devices, [](const DevicePlan& one) { return one.memory.fits(); });
}

const MemoryPlan& Plan::memory(DeviceId id) const {
  static const MemoryPlan none;
  const auto found = std::ranges::find(devices, id, &DevicePlan::id);
  return found == devices.end() ? none : found->memory;
}

int64_t Plan::sequences_that_fit(int tokens) const {
  std::optional<int64_t> least;
  for (const auto& [id, m, pages] : devices) {
    const uint64_t page = kv.page_bytes(id), rest = m.weights + m.scratch;
    if (page == 0) continue;
    const uint64_t room = kv_memory > 0        ? static_cast<uint64_t>(pages)
                          : m.available > rest ? (m.available - rest) / page
                                               : 0;
    // Few of many are being read; the others hold what a decode needs.
    const int64_t here = static_cast<int64_t>(room) / std::max<int64_t>(kv.pages_for(id, tokens, 1), 1);
    least = least ? std::min(*least, here) : here;
  }
  return least.value_or(0);
}

int64_t Plan::kv_pages(DeviceId id) const {
  const auto found = std::ranges::find(devices, id, &DevicePlan::id);
  return found == devices.end() ? 0 : found->kv_pages;
}

MemoryPlan Plan::gpu_memory() const {
  MemoryPlan sum;
  for (const auto& [id, memory, pages] : devices) {
    if (!id.is_gpu()) continue;
    sum.weights += memory.weights;
    sum.kv_cache += memory.kv_cache;
    sum.scratch += memory.scratch;
    sum.available += memory.available;
    sum.held += memory.held;
  }
  return sum;
}

std::string Plan::name_of(DeviceId id) const {
  if (placement.gpus.size() > 1) return to_string(id);
  return id.is_gpu() ? "the GPU" : "the CPU";
}

Result<Plan> plan_as_asked(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                           const Policy& wished, const Failures& failures) {
  MXPATH_TRY(const Policy policy, named_gpus(wished, machine));
  MXPATH_CHECK(check_globs(policy, catalogue));
  MXPATH_CHECK(check_formats(sites_of(manifest, policy, cpu_device)));
  Plan plan;
  plan.context = std::min(policy.context ? policy.context : default_context, manifest.config.max_positions);
  if (policy.context > manifest.config.max_positions)
    return wrong_use("{}: the model was made for at most {} positions", mention(Knob::context, policy.context),
                     manifest.config.max_positions);
  plan.kv.format = policy.kv, plan.kv_memory = policy.kv_memory, plan.sequences = std::max(policy.sequences, 1);
  plan.threads = policy.threads ? policy.threads : machine.cpu.cores;
  const Machine asked = with_threads(machine, plan.threads);
  plan.model = describe(manifest), plan.machine = describe(machine, asked, plan.threads);
  plan.not_built = why_not_built(machine);
  MXPATH_CHECK(place(plan, manifest, catalogue, asked, policy, failures));
  MXPATH_CHECK(check_kv_memory(plan, policy));
  add_conversions(plan);
  add_concessions(plan, failures);
  MXPATH_CHECK(concede_placement(plan, manifest, catalogue, machine, policy, failures));
  return plan;
}

Status check_strict(const Plan& plan, const Policy& policy) {
  if (!policy.strict || (plan.concessions.empty() && plan.not_built.empty())) return {};
  std::string all = plan.not_built;
  for (const auto& concession : plan.concessions) all += (all.empty() ? "" : "; ") + concession.text;
  return refused("{}: {}", mention(Knob::strict), all);
}

}  // namespace mxpath
