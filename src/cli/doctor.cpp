// `mxpath doctor`: this machine, and what the stacks on it would do with MXFP4.
#include "diagnose/doctor.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/machine_here.h"
#include "app/manifest_of.h"
#include "app/reports/plan_summary.h"
#include "base/json.h"
#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "cli/choice.h"
#include "cli/language_option.h"
#include "cli/options.h"

namespace mxpath::cli {
namespace {

struct DoctorOptions {
  std::string model, machine, python, versions, bundle;
  std::vector<std::string> site_packages;
  diagnose::Language language = diagnose::Language::en;
  bool measure = false, verbose = false;
};

Status add_machine(diagnose::Doctor& doctor, const DoctorOptions& options) {
  doctor.other_machine = !options.machine.empty();
  if (doctor.other_machine) {
    MXPATH_TRY(doctor.machine, machine_named(options.machine));
    return {};
  }
  doctor.machine = machine_here(options.measure ? Measure::again : Measure::never);
  doctor.system = diagnose::probe_system();
  return {};
}

/// --versions answers for stacks that are not here.
Status add_stacks(diagnose::Doctor& doctor, const DoctorOptions& options) {
  if (!options.versions.empty()) {
    MXPATH_TRY(doctor.stacks.packages, diagnose::parse_versions(options.versions));
    doctor.stacks.environment = "--versions";
    return {};
  }
  diagnose::Surroundings where = diagnose::surroundings_of_process();
  where.python = options.python, where.site_packages = options.site_packages;
  MXPATH_TRY(doctor.stacks, diagnose::probe_environment(where));
  return {};
}

Result<ModelConfig> config_of(diagnose::Doctor& doctor, const DoctorOptions& options) {
  if (options.model.empty()) return gpt_oss_20b_config();
  MXPATH_TRY(const Manifest manifest, manifest_of(options.model, model_places()));
  for (const std::string& decision : manifest.decisions) tell(decision);
  doctor.model = diagnose::model_bytes(manifest.config), doctor.model_name = options.model;
  return manifest.config;
}

Status run(const DoctorOptions& options, const Program& program) {
  diagnose::Doctor doctor;
  MXPATH_CHECK(add_machine(doctor, options));
  MXPATH_CHECK(add_stacks(doctor, options));
  MXPATH_TRY(const ModelConfig config, config_of(doctor, options));
  doctor.predictions = diagnose::predict_all(doctor.stacks, doctor.machine, doctor.model, options.language);
  MXPATH_TRY(const Plan plan, plan_for_config(config, doctor.model_name, doctor.machine));
  doctor.plan = plan_in_three_lines(plan, options.language);
  if (!options.bundle.empty()) MXPATH_CHECK(write_bundle(doctor, diagnose::private_of_process(), options.bundle));
  if (program.json) print_json(to_json(doctor));
  else print(to_text(doctor, options.language));
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, Program& program) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Show this machine and the stacks on it: what each would do with an MXFP4 model here");
  command->add_option("MODEL", options->model, "the model to predict for; default: the shape of gpt-oss-20b");
  command
      ->add_option("--machine", options->machine,
                   "answer for this machine: a JSON file, a bundle, or a name such as h100")
      ->check(not_empty())
      ->type_name("FILE|NAME");
  command->add_option("--python", options->python, "look into the environment of this interpreter (it is not run)")
      ->transform(expanded_path())
      ->type_name("PATH");
  command->add_option("--site-packages", options->site_packages, "look into this folder")
      ->transform(expanded_path())
      ->type_name("DIR")
      ->type_size(1)
      ->allow_extra_args(false);
  command->add_option("--versions", options->versions, "answer for these packages: \"torch=2.8.0 triton=3.4.0\"")
      ->type_name("LIST");
  command->add_flag("--measure", options->measure, "measure the memory bandwidth (half a second)");
  command->add_option("--bundle", options->bundle, "write a report to share, without names, paths and secrets")
      ->transform(expanded_path())
      ->check(not_empty())
      ->type_name("FILE");
  add_language_option(*command, options->language);
  add_output_options(*command, options->verbose, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
