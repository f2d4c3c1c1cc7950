// `mxpath plan`: what would run, from headers only.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/planner.h"
#include "app/reports/machine_table.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/choice.h"
#include "cli/knob_flags.h"
#include "cli/options.h"
#include "plan/explain.h"

namespace mxpath::cli {
namespace {

struct PlanOptions {
  CommonOptions common;
  std::string machine;
};

Status run_everywhere(const PlanOptions& options, Program& program) {
  MXPATH_TRY(const MachineTable table, plan_everywhere(options.common.model, model_places(), options.common.policy));
  if (program.json) print_json(report_in_flags(to_json(table)));
  else print(to_text(table, flag_wording));
  return {};
}

Status run(const PlanOptions& options, Program& program) {
  const Policy& policy = options.common.policy;
  if (options.machine == "all" && policy.strict)
    return wrong_use("--strict judges one plan; name one machine instead of all");
  if (options.machine == "all") return run_everywhere(options, program);
  MXPATH_TRY(const Plan plan, plan_for(options.common.model, model_places(), options.machine, policy, tell));
  const Status status = check_plan(plan, policy);
  if (program.json) print_json(report_in_flags(plan_to_json(plan)), status, program);
  else print(in_flags(explain(plan, options.common.verbose)));
  return status;
}

}  // namespace

void add_plan(CLI::App& app, Program& program) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand(
      "plan", "Show the path of every operation, the refused ones and why, memory, and the speed to expect");
  add_model(*command, options->common.model, false);
  command
      ->add_option("--machine", options->machine,
                   "plan for this machine instead: a JSON file, a name such as h100, haswell or \"RTX 3090\", "
                   "or all of them in one table")
      ->check(not_empty())
      ->type_name("FILE|NAME|all");
  add_common_options(*command, options->common, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
