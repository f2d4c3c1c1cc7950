#include "plan/agreement.h"

#include <algorithm>

#include "base/text.h"

namespace mxpath {
namespace {

bool chooses(const Decision& decision, Arithmetic arithmetic) {
  return decision.chosen && decision.chosen->arithmetic == arithmetic;
}

bool can_keep_inputs(const Decision& decision) {
  return std::ranges::any_of(
      decision.all, [](const Candidate& c) { return c.why_not.empty() && c.path->arithmetic == Arithmetic::f32; });
}

void keep_inputs(Decision& decision, const Site& site) {
  for (Candidate& candidate : decision.all)
    if (candidate.why_not.empty() && candidate.path->arithmetic == Arithmetic::bf16_inputs)
      candidate.why_not.push_back(
          {Check::arithmetic,
           fmt::format("inputs that may be rounded to bf16, and other layers of {} keep theirs", site.name()), "f32"});
  take_cheapest(decision);
}

}  // namespace

void agree_on_arithmetic(std::span<Result<SitePlan>> plans) {
  for (Result<SitePlan>& plan : plans) {
    if (!plan.ok() || plan->site.stored_alike) continue;
    for (size_t r = 0; r < plan->decisions.size(); ++r) {
      const auto keeps = [&](const Result<SitePlan>& other) {
        return other.ok() && other->site.id == plan->site.id && chooses(other->decisions[r], Arithmetic::f32);
      };
      Decision& decision = plan->decisions[r];
      if (chooses(decision, Arithmetic::bf16_inputs) && std::ranges::any_of(plans, keeps) && can_keep_inputs(decision))
        keep_inputs(decision, plan->site);
    }
  }
}

}  // namespace mxpath
