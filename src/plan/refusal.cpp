#include "plan/refusal.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"
#include "plan/plan.h"

namespace mxpath {
namespace {

/// "9.0"
std::string capability_text(Arch arch) { return fmt::format("{}.{}", arch.number / 10, arch.number % 10); }

/// "compute capability 8.0 or later", "exactly compute capability 9.0"
std::string capabilities_text(const ArchSet& set) {
  if (set.kind == ArchSet::Kind::any) return "any compute capability";
  const std::string least = fmt::format("compute capability {}", capability_text(set.arch));
  return set.kind == ArchSet::Kind::from ? least + " or later" : "exactly " + least;
}

/// "a GPU": for sentences that mean no particular one.
std::string_view kind_text(DeviceKind kind) { return kind == DeviceKind::cpu ? "the CPU" : "a GPU"; }

/// Why a row of a GPU has none to run on; empty: it has one.
std::string no_gpu_text(const Gpu* gpu, const Machine& machine) {
  if (gpu) return gpu->problem;
  if (!machine.no_gpu_reason.empty()) return machine.no_gpu_reason;
  return fmt::format("there {} {}", machine.gpus.size() == 1 ? "is" : "are",
                     plural(machine.gpus.size(), "CUDA device"));
}

std::string driver_text(int driver) {
  return driver ? fmt::format("CUDA driver {}.{}", driver / 1000, driver % 1000 / 10) : "no CUDA driver";
}

/// Collects what does not hold.
struct Collector {
  std::vector<Refusal> found;
  void need(bool holds, Check check, std::string wants, std::string have) {
    if (!holds) found.push_back({check, std::move(wants), std::move(have)});
  }
};

DeviceId first_gpu(const Policy& policy) { return policy.gpus.empty() ? cuda_device(0) : policy.gpus.front(); }

/// The GPU that a row would run on; null: there is none.
const Gpu* gpu_of(const Question& q) {
  return q.machine.gpu(q.site.device.is_gpu() ? q.site.device : first_gpu(q.policy));
}

/// Whether the row and what it reads are of the kind that the issue speaks of.
bool is_of_kind(const KnownIssue& issue, const KernelPath& path, const Site& site) {
  if (path.device == DeviceKind::cpu && is_floor(path)) return false;
  const bool reads = issue.formats.empty() || (site.has_weights() && issue.formats.has(site.format.format));
  return reads && (!issue.device || *issue.device == path.device) && (!issue.unit || *issue.unit == path.unit) &&
         (!issue.family_code || path.needs.arch.kind == ArchSet::Kind::at);
}

bool concerns(const KnownIssue& issue, const KernelPath& path, const Question& q) {
  if (!is_of_kind(issue, path, q.site) || !q.machine.cpu.features.contains(issue.cpu)) return false;
  if (path.device != DeviceKind::cuda) return !issue.nvcc_below;
  const Gpu* gpu = gpu_of(q);
  if (!gpu || !issue.arch.contains(gpu->arch) || (issue.driver_below && gpu->driver >= issue.driver_below))
    return false;
  return !issue.nvcc_below || (q.catalogue.nvcc >= issue.nvcc_from && q.catalogue.nvcc < issue.nvcc_below);
}

void check_known_issues(Collector& out, const KernelPath& path, const Question& q) {
  for (const KnownIssue& issue : q.catalogue.known_issues)
    if (concerns(issue, path, q))
      out.need(false, Check::known_issue, "a machine without this fault",
               fmt::format("{} ({})", issue.reason, issue.link));
}

void check_machine(Collector& out, const KernelPath& path, const Question& q) {
  const Needs& n = path.needs;
  const CpuFeatures missing = n.cpu.without(q.machine.cpu.features);
  out.need(missing.empty(), Check::cpu_feature, n.cpu.to_string(), fmt::format("no {}", missing.to_string()));
  if (path.device != DeviceKind::cuda) return;
  const Gpu* gpu = gpu_of(q);
  const std::string no_gpu = no_gpu_text(gpu, q.machine);
  out.need(no_gpu.empty(), Check::no_gpu, gpu ? "a CUDA device that can be used" : "a CUDA device", no_gpu);
  if (!no_gpu.empty()) return;
  out.need(n.arch.contains(gpu->arch), Check::cuda_arch, capabilities_text(n.arch), capability_text(gpu->arch));
  const auto failed = q.failures.find({"", device_of(path, q)});
  if (failed != q.failures.end())
    out.need(false, Check::device_failed, "a device that still works", failed->second.finding);
  out.need(gpu->driver >= n.driver, Check::driver, driver_text(n.driver) + " or later", driver_text(gpu->driver));
  out.need(gpu->shared_memory >= n.shared_memory, Check::shared_memory, fmt::format("{} bytes", n.shared_memory),
           fmt::format("{} bytes", gpu->shared_memory));
}

void check_shape(Collector& out, const KernelPath& path, const Question& q) {
  const Needs& n = path.needs;
  const Site& s = q.site;
  out.need(path.weights == Layout::any || path.weights == q.layout, Check::layout, std::string(name_of(path.weights)),
           std::string(name_of(q.layout)));
  out.need(n.tokens.contains(q.tokens), Check::tokens, n.tokens.of_tokens(), q.tokens.of_tokens());
  out.need(n.per_sequence.contains(q.per_sequence), Check::tokens, n.per_sequence.of_tokens() + " per sequence",
           q.per_sequence.of_tokens() + " per sequence");
  out.need(s.n % n.n_multiple == 0, Check::n_multiple, fmt::format("n % {} == 0", n.n_multiple),
           fmt::format("n = {}, remainder {}", s.n, s.n % n.n_multiple));
  out.need(s.k % n.k_multiple == 0, Check::k_multiple, fmt::format("k % {} == 0", n.k_multiple),
           fmt::format("k = {}, remainder {}", s.k, s.k % n.k_multiple));
}

/// Whether a glob speaks of an operation that is made of others. One that names rows of its parts, such as
/// "*.cpu.avx2.*", means those: which of them run is the parts' own question.
bool speaks_of_composite(const std::string& glob, const Catalogue& catalogue) {
  return std::ranges::none_of(catalogue.paths, [&](const KernelPath* path) {
    return !row_of(path->op).composite && glob_match(glob, path->name);
  });
}

bool forced_away(const KernelPath& path, const Question& q) {
  const bool composite = row_of(path.op).composite;
  const auto named = [&](const KernelPath& p) {
    for (const auto& glob : q.policy.only)
      if (glob_match(glob, p.name) && (!composite || speaks_of_composite(glob, q.catalogue))) return true;
    return false;
  };
  if (q.policy.only.empty() || named(path)) return false;
  // `only` speaks about an op as soon as it names one of its paths.
  for (const KernelPath* other : q.catalogue.paths)
    if (other->op == path.op && named(*other)) return true;
  return false;
}

/// The memory of the device that the weights would lie on.
uint64_t budget_of(const Question& q) {
  if (!q.site.device.is_gpu()) return q.policy.memory_budget ? q.policy.memory_budget : q.machine.free_memory();
  const Gpu* gpu = gpu_of(q);
  return gpu ? gpu->free_memory : 0;
}

void check_policy(Collector& out, const KernelPath& path, const Question& q) {
  const bool exact = path.arithmetic == Arithmetic::f32 || path.arithmetic == Arithmetic::bf16_inputs;
  out.need(path.device == q.site.device.kind, Check::device, std::string(kind_text(path.device)),
           std::string(kind_text(q.site.device.kind)));
  out.need(exact || q.policy.numerics == Numerics::fast, Check::arithmetic,
           fmt::format("{} to compute in {}", mention(Knob::numerics, "fast"), name_of(path.arithmetic)),
           mention(Knob::numerics, "checkpoint"));
  out.need(!q.policy.deterministic || path.batch_invariant || only_calls_others(path), Check::determinism,
           mention(Knob::deterministic), "its results depend on what else is in the call");
  for (const auto& glob : q.policy.exclude)
    out.need(!glob_match(glob, path.name), Check::excluded, "not to be excluded",
             mention(Knob::exclude, printable(glob)));
  out.need(!forced_away(path, q), Check::excluded, fmt::format("to be named by {}", mention(Knob::only)),
           fmt::format("{}, which names other paths of this operation", mention(Knob::only)));
  // A padded layout may be too large where the plain one fits; whether the whole model fits is the memory plan's
  // question.
  const auto bytes_in = [&](Layout layout) {
    return layout_bytes(layout, q.site.experts, q.site.n, q.site.k) * static_cast<uint64_t>(q.site.count);
  };
  const uint64_t bytes = bytes_in(q.layout), budget = budget_of(q);
  const bool padding_decides =
      q.site.has_weights() && bytes > budget && bytes_in(plain_layout(q.site.format)) <= budget;
  out.need(is_floor(path) || !padding_decides, Check::memory_budget,
           fmt::format("{} for its padded weights", human_bytes(double(bytes))), human_bytes(double(budget)));
}

/// What the plan of a part says against a row of its own for so many tokens.
std::vector<Refusal> against(std::string_view path, const SitePlan& part, Range tokens) {
  for (const Decision& decision : part.decisions)
    if (decision.regime.tokens.low == tokens.low)
      for (const Candidate& candidate : decision.all)
        if (candidate.path->name == path) return candidate.why_not;
  return {};
}

/// A row that computes parts of a composite site itself is refused where a row whose results it gives is, or where a
/// part is held otherwise.
void check_parts(Collector& out, const KernelPath& path, const Question& q) {
  for (const FusedPart& fused : path.fuses)
    for (const SitePlan* part : q.parts) {
      if (part->site.id != fused.site) continue;
      const bool reads = !part->site.has_weights() || part->layout == fused.layout;
      out.need(reads, Check::layout, std::string(name_of(fused.layout)), std::string(name_of(part->layout)));
      for (Refusal& refusal : against(fused.like, *part, q.tokens))
        if (!std::ranges::count(out.found, refusal)) out.found.push_back(std::move(refusal));
    }
}

}  // namespace

std::string to_string(const Suspect& suspect) {
  if (suspect.path.empty()) return to_string(suspect.device);
  return suspect.device.is_gpu() ? fmt::format("{} on {}", suspect.path, to_string(suspect.device)) : suspect.path;
}

DeviceId device_of(const KernelPath& path, const Question& q) {
  if (path.device == q.site.device.kind) return q.site.device;
  return path.device == DeviceKind::cpu ? cpu_device : first_gpu(q.policy);
}

std::string device_finding(const KernelPath& path, std::string_view why) {
  return fmt::format("it failed in the self-check of {}: {}", path.name, why);
}

std::vector<Refusal> refusals(const KernelPath& path, const Question& q) {
  Collector out;
  out.need(path.built, Check::not_built, "a build with this target", "left out of this program");
  check_known_issues(out, path, q);
  check_machine(out, path, q);
  check_shape(out, path, q);
  check_policy(out, path, q);
  check_parts(out, path, q);
  if (const auto failed = q.failures.find({std::string(path.name), device_of(path, q)}); failed != q.failures.end())
    out.need(false, failed->second.check,
             failed->second.check == Check::self_check ? "to pass its self-check" : "to load on this device",
             failed->second.finding);
  std::ranges::stable_sort(out.found, {}, &Refusal::check);
  return std::move(out.found);
}

std::string to_string(const Refusal& refusal) { return sentence_of(refusal.check, refusal.wants, refusal.have); }

}  // namespace mxpath
