#include "plan/fallback.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

bool is_cpu_floor(const Catalogue& catalogue, std::string_view path) {
  const KernelPath* found = catalogue.find(path);
  return found && is_floor(*found) && found->device == DeviceKind::cpu;  // a GPU's has the CPU below it
}

/// The self-checks of a plan's rows, if only an injected failure could fail them.
Status simulate_checks(Failures& failures, const Plan& plan, const Catalogue& catalogue, const Policy& policy,
                       const Notice& notice) {
  for (const SitePlan* site : plan.all_sites())
    for (const Decision& decision : site->decisions)
      if (const auto failure = injected_failure(policy, *decision.chosen)) {
        const KernelPath& path = *decision.chosen;
        const Suspect device{"", site->site.device};
        if (failures.contains(device)) continue;  // what it would answer means nothing any more
        const Suspect row{std::string(path.name), site->site.device};
        MXPATH_CHECK(record_failure(failures, failure->check == Check::device_failed ? device : row, *failure,
                                    catalogue, notice));
      }
  return {};
}

Status simulate_packing(Failures& failures, const Plan& plan, const Catalogue& catalogue, const Policy& policy,
                        const Notice& notice) {
  const Failures before = failures;
  for (const SitePlan& site : plan.sites)
    for (const std::string& finding : injected_packing(policy, site))
      MXPATH_CHECK(record_packing_failure(failures, before, site, finding, catalogue, notice));
  return {};
}

}  // namespace

Status record_failure(Failures& failures, const Suspect& suspect, Failure failure, const Catalogue& catalogue,
                      const Notice& notice) {
  if (is_cpu_floor(catalogue, suspect.path))
    return fail("{}: the portable path failed its own check ({}); the build or the RAM is faulty; please report this",
                suspect.path, failure.finding);
  const auto [known, is_new] = failures.try_emplace(suspect, std::move(failure));
  if (is_new && notice) notice(fmt::format("{} is not used: {}", to_string(suspect), known->second.finding));
  return {};
}

Status record_packing_failure(Failures& failures, const Failures& before, const SitePlan& site,
                              const std::string& finding, const Catalogue& catalogue, const Notice& notice) {
  bool blamed = false;
  for (const KernelPath* path : catalogue.paths) {
    const bool reads = path->op == site.site.op() && path->device == site.site.device.kind &&
                       (path->weights == site.layout || path->device == DeviceKind::cuda);
    const Suspect suspect{std::string(path->name), site.site.device};
    if (!reads || before.contains(suspect)) continue;
    blamed = true;
    MXPATH_CHECK(record_failure(failures, suspect, {Check::self_check, finding}, catalogue, notice));
  }
  if (blamed) return {};
  return fail(
      "{}: weights packed as {} differ from the checkpoint's, and only the portable path reads that layout ({}); the "
      "build or the RAM is "
      "faulty; please report this",
      title_of(site.site), name_of(site.layout), finding);
}

Result<Plan> simulate_fallback(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                               const Policy& policy, Failures failures, const Notice& notice) {
  for (;;) {
    const size_t known = failures.size();
    MXPATH_TRY(Plan plan, make_plan(manifest, catalogue, machine, policy, failures));
    if (policy.inject_failure.empty() || !plan.fits() || !check_strict(plan, policy).ok()) return plan;
    MXPATH_CHECK(simulate_checks(failures, plan, catalogue, policy, notice));
    if (failures.size() == known) MXPATH_CHECK(simulate_packing(failures, plan, catalogue, policy, notice));
    if (failures.size() > known) continue;
    warn_unused_injections(policy, catalogue, failures, notice);
    return plan;
  }
}

void warn_unused_injections(const Policy& policy, const Catalogue& catalogue, const Failures& failures,
                            const Notice& notice) {
  if (!notice) return;
  for (const std::string& text : policy.inject_failure) {
    const auto wanted = parse_injected_failure(text);
    const bool failed = wanted.ok() && std::ranges::any_of(failures, [&](const auto& failure) {
                          if (wanted->fault == Fault::device) return failure.second.check == Check::device_failed;
                          const KernelPath* path = catalogue.find(failure.first.path);
                          return path && glob_match(wanted->glob, path->name) && can_have(*path, wanted->fault);
                        });
    if (!failed)
      notice(fmt::format("{}: no path of this plan is {}, so nothing failed",
                         mention(Knob::inject_failure, printable(text)), printable(text)));
  }
}

}  // namespace mxpath
