// Failures made on purpose, so that the fallback can be watched and tested.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/path.h"
#include "plan/plan.h"
#include "plan/policy.h"

namespace mxpath {

/// What of a path is made to fail. any: its self-check as a whole. device: the GPU itself, while the path is checked.
enum class Fault : uint8_t { any, image, exact, random, packing, device };
inline constexpr int fault_count = 6;
std::string_view name_of(Fault fault);

/// One entry of Policy::inject_failure.
struct InjectedFailure {
  std::string glob;
  Fault fault = Fault::any;
};

/// "linear.cpu.*:exact" or a glob alone. Error (wrong use): an unknown kind, with the list.
Result<InjectedFailure> parse_injected_failure(std::string_view text);

/// Whether a row has that part at all. image and device: GPU code. exact and random: the problems that the self-check
/// of its operation solves. packing: it reads a weight matrix.
bool can_have(const KernelPath& path, Fault fault);

/// Whether the policy wants this part of the path to fail; ill-formed entries are not asked about again, make_plan has
/// refused them.
bool is_injected(const Policy& policy, const KernelPath& path, Fault fault);

/// What the policy makes of the self-check of a path; none: it may pass.
std::optional<Failure> injected_failure(const Policy& policy, const KernelPath& path);
/// What it says against the packed weights of a site, one sentence for each chosen path that is to fail so.
std::vector<std::string> injected_packing(const Policy& policy, const SitePlan& site);

/// Error (wrong use): an ill-formed entry, a glob that names no row, or a kind that none of the named rows has.
Status check_injected_failures(const Policy& policy, const Catalogue& catalogue);

}  // namespace mxpath
