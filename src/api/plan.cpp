#include "api/convert.h"
#include "api/knob_names.h"
#include "app/dirs.h"
#include "app/planner.h"
#include "plan/explain.h"

namespace mxpath::api {
namespace {

Result<std::string> plan_text(std::string_view model, const Options& options, std::string_view machine, bool json) {
  MXPATH_TRY(const Policy policy, to_policy(options));
  MXPATH_TRY(const Plan plan, plan_for(model, model_places(), machine, policy));
  MXPATH_CHECK(check_plan(plan, policy));
  return json ? plan_json(plan) : in_option_names(explain(plan, false));
}

}  // namespace

Outcome<std::string> plan(std::string_view model, const Options& options, std::string_view machine, bool json) {
  auto text = plan_text(model, options, machine, json);
  if (!text.ok()) return to_api(text.error());
  return std::move(text).value();
}

}  // namespace mxpath::api
