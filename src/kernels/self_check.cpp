#include "kernels/self_check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "device/device.h"
#include "kernels/catalogue.h"
#include "kernels/self_check_subject.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

/// Token counts that meet the edges of what a row was chosen for. Matrix products keep tiles of up to 8 and of 128
/// tokens, and have code of its own for each rest; a portable row on a CPU has no such tiles, and would take long.
std::vector<int> token_counts(const SitePlan& plan, const KernelPath& path) {
  const bool product = row_of(path.op).tiled_product, tiled = path.device == DeviceKind::cuda || !is_floor(path);
  const auto edges = product ? std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 65, 127, 128, 129}
                             : std::vector<int>{1, 2, 3, 15, 16, 17, 65, 129};
  std::vector<int> counts;
  for (const Decision& decision : plan.decisions)
    for (int tokens : edges)
      if (decision.chosen == &path && decision.regime.tokens.contains({tokens, tokens}) &&
          path.needs.tokens.contains({tokens, tokens}) && (tiled || tokens <= 17))
        counts.push_back(tokens);
  // Rows that are chosen for none of these are tried with the least they take.
  if (counts.empty()) counts = tiled ? std::vector<int>{std::max(path.needs.tokens.low, 129)} : std::vector<int>{17};
  return counts;
}

/// The device failed while a row was checked: a result of the device, since nothing says that the row is to blame.
SelfCheckResult device_result(const SitePlan& plan, const KernelPath& path, std::string finding) {
  return {.path = std::string(path.name),
          .site = plan.site.id,
          .device = plan.site.device,
          .worst = 1e9,
          .finding = std::move(finding),
          .check = Check::device_failed};
}

/// No model that is known is as wide. Of more columns a part is tried that ends as all of them do: what follows the
/// last whole tile or block is the same, and the problem of a model with 2^24 of them takes no gigabytes.
constexpr int64_t widest = 1 << 14;
constexpr int64_t tried_width(int64_t width) { return width < widest ? width : widest / 2 + width % (widest / 2); }

Site tried(const Site& site) {
  Site part = site;
  part.k = tried_width(site.k);
  if (site.op() == Op::norm) part.n = tried_width(site.n);
  return part;
}

SelfCheckResult check_path(const SitePlan& plan, const KernelPath& path, const ModelConfig& config,
                           const Policy& policy, ThreadPool& threads, HostRunner& runner) {
  if (is_injected(policy, path, Fault::device))
    return device_result(plan, path, injected_failure(policy, path)->finding);
  SelfCheckResult result{.path = std::string(path.name),
                         .site = plan.site.id,
                         .device = plan.site.device,
                         .finding = missing_image(path, plan.site.device)};
  const auto start = std::chrono::steady_clock::now();
  if (!result.finding.empty()) {
    result.check = Check::no_image, result.worst = 1e9;
    return result;
  }
  Comparison comparison;
  const Site site = tried(plan.site);
  Subject subject{path, site, plan.layout, config, threads, runner, token_counts(plan, path)};
  kernels_of(path.op).check(subject, comparison);
  if (plan.site.device.is_gpu() && !runner.device_failure().empty())
    return device_result(plan, path, device_finding(path, runner.device_failure()));
  result.worst = comparison.worst, result.finding = comparison.finding, result.work = subject.work;
  // A row that may well be right.
  if (auto injected = injected_failure(policy, path))
    result.check = injected->check, result.finding = std::move(injected->finding);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

std::vector<SelfCheckResult> self_check(const Plan& plan, const ModelConfig& config, const Policy& policy,
                                        ThreadPool& threads) {
  std::vector<SelfCheckResult> results;
  std::map<DeviceId, HostRunner> runners;
  std::set<DeviceId> broken;
  for (const SitePlan* site : plan.all_sites()) {
    std::vector<const KernelPath*> seen;
    const DeviceId device = site->site.device;
    for (const Decision& decision : site->decisions) {
      if (broken.contains(device) || std::ranges::count(seen, decision.chosen)) continue;
      seen.push_back(decision.chosen);
      results.push_back(check_path(*site, *decision.chosen, config, policy, threads,
                                   runners.try_emplace(device, device).first->second));
      if (results.back().check == Check::device_failed) broken.insert(device);
    }
  }
  return results;
}

}  // namespace mxpath
