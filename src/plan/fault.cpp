#include "plan/fault.h"

#include <algorithm>
#include <array>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr std::array<std::string_view, fault_count> names = {"any", "image", "exact", "random", "packing", "device"};

std::string_view lacks(Fault fault) {
  switch (fault) {
    case Fault::image: return "runs on a CPU and has no image that a driver would load";
    case Fault::exact: return "is compared within a bound and has no exact problem";
    case Fault::random: return "is compared bit for bit and has no random problem";
    case Fault::packing: return "reads no packed weights";
    case Fault::device: return "runs on a CPU and has no device that could fail";
    case Fault::any: break;
  }
  return "";
}

std::string made_to_fail(std::string_view what) {
  return fmt::format("{}made to fail by {}", what, mention(Knob::inject_failure));
}

Status check_injected_failure(const std::string& text, const Catalogue& catalogue) {
  MXPATH_TRY(const InjectedFailure wanted, parse_injected_failure(text));
  const KernelPath* named = nullptr;
  for (const KernelPath* path : catalogue.paths) {
    if (!glob_match(wanted.glob, path->name)) continue;
    if (can_have(*path, wanted.fault)) return {};
    named = path;
  }
  if (!named)
    return wrong_use("{}: no path has such a name; `mxpath plan -v` lists them",
                     mention(Knob::inject_failure, printable(text)));
  return wrong_use("{}: {} {}", mention(Knob::inject_failure, printable(text)), named->name, lacks(wanted.fault));
}

}  // namespace

std::string_view name_of(Fault fault) { return names[static_cast<size_t>(fault)]; }

Result<InjectedFailure> parse_injected_failure(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return InjectedFailure{std::string(text), Fault::any};
  const auto kind = std::ranges::find(names.begin() + 1, names.end(), text.substr(colon + 1));
  if (kind == names.end())
    return wrong_use("{}: after the colon give image, exact, random, packing or device",
                     mention(Knob::inject_failure, printable(text)));
  return InjectedFailure{std::string(text.substr(0, colon)), static_cast<Fault>(kind - names.begin())};
}

bool can_have(const KernelPath& path, Fault fault) {
  switch (fault) {
    case Fault::any: return true;
    case Fault::image:
    case Fault::device: return path.device == DeviceKind::cuda;
    case Fault::exact: return row_of(path.op).exact;
    case Fault::random: return row_of(path.op).random;
    case Fault::packing: return path.weights != Layout::none;
  }
  return false;
}

bool is_injected(const Policy& policy, const KernelPath& path, Fault fault) {
  return can_have(path, fault) && std::ranges::any_of(policy.inject_failure, [&](const std::string& text) {
           const auto wanted = parse_injected_failure(text);
           return wanted.ok() && wanted->fault == fault && glob_match(wanted->glob, path.name);
         });
}

std::optional<Failure> injected_failure(const Policy& policy, const KernelPath& path) {
  if (is_injected(policy, path, Fault::device))
    return Failure{Check::device_failed, device_finding(path, made_to_fail(""))};
  if (is_injected(policy, path, Fault::image)) return Failure{Check::no_image, made_to_fail("image ")};
  if (is_injected(policy, path, Fault::any)) return Failure{Check::self_check, made_to_fail("")};
  if (is_injected(policy, path, Fault::exact)) return Failure{Check::self_check, made_to_fail("exact problem ")};
  if (is_injected(policy, path, Fault::random)) return Failure{Check::self_check, made_to_fail("random problem ")};
  return {};
}

std::vector<std::string> injected_packing(const Policy& policy, const SitePlan& site) {
  std::vector<std::string> findings;
  for (const Decision& decision : site.decisions)
    if (is_injected(policy, *decision.chosen, Fault::packing))
      findings.push_back(
          fmt::format("packing for {} made to differ by {}", decision.chosen->name, mention(Knob::inject_failure)));
  return findings;
}

Status check_injected_failures(const Policy& policy, const Catalogue& catalogue) {
  for (const auto& text : policy.inject_failure) MXPATH_CHECK(check_injected_failure(text, catalogue));
  return {};
}

}  // namespace mxpath
