// `mxpath bench`: how fast a model is here, and how fast it could be.
#include <stdlib.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "app/dirs.h"
#include "app/links_here.h"
#include "app/manifest_of.h"
#include "app/model_files.h"
#include "app/model_shape.h"
#include "app/planner.h"
#include "app/pretty_json.h"
#include "app/reports/bench_report.h"
#include "base/json.h"
#include "base/text.h"
#include "checkpoint/new_file.h"
#include "checkpoint/weight_pools.h"
#include "cli/choice.h"
#include "cli/interrupt.h"
#include "cli/knob_flags.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "kernels/catalogue.h"

namespace mxpath::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string shape, out;
  bool random_weights = false;
  StoredExperts stored = StoredExperts::as_config;
  BenchOptions measure;
};

/// What is measured: a folder with weights, or a promise to be filled with random ones.
struct Subject {
  std::string name, folder;
  Manifest manifest;
  bool random = false;
};

Result<Subject> random_subject(const Options& options) {
  const ModelPlaces places = model_places();
  Subject subject{.name = options.shape.empty() ? options.common.model : options.shape,
                  .folder = "",
                  .manifest = {},
                  .random = true};
  ModelConfig config;
  if (!options.shape.empty()) {
    MXPATH_TRY(config, model_shape(options.shape, places));
  } else {
    MXPATH_TRY(const Manifest manifest, manifest_of(options.common.model, places));
    config = manifest.config;
  }
  MXPATH_TRY(subject.manifest, promised_manifest(std::move(config), options.stored, subject.name));
  return subject;
}

Result<Subject> subject_of(const Options& options) {
  if (!options.shape.empty() && !options.common.model.empty())
    return wrong_use("MODEL and --shape are both given; --shape is for random weights without a model");
  if (!options.shape.empty() || options.random_weights) return random_subject(options);
  if (options.stored != StoredExperts::as_config)
    return wrong_use("--stored is for random weights; add --random-weights");
  Subject subject{.name = options.common.model, .folder = "", .manifest = {}};
  MXPATH_TRY(ModelFiles files, open_model_files(subject.name, model_places()));
  subject.folder = std::move(files.folder), subject.manifest = std::move(files.manifest);
  for (const std::string& decision : subject.manifest.decisions) tell(decision);
  return subject;
}

/// Which of the lengths are too long for `most` positions, with the largest that is not: "--depth 3964 or less".
std::string what_would_fit(const BenchOptions& measure, int most) {
  const int longest = std::max(most - 1, 0), beside_steps = most - 1 - warm_up_steps,
            deepest = beside_steps - measure.tokens;
  const bool long_prompt = std::ranges::any_of(measure.prompts, [&](int tokens) { return tokens > longest; });
  const bool deep = measure.tokens > 0 &&
                    std::ranges::any_of(measure.depths, [&](int depth) { return std::max(depth, 1) > deepest; });
  std::string parts = long_prompt ? fmt::format("--prompt {} or less", longest) : "";
  if (deep && long_prompt) parts += " and ";
  if (deep && deepest > 0) parts += fmt::format("--depth {} or less", deepest);
  else if (deep) parts += fmt::format("--tokens {} or less with --depth 0", std::max(beside_steps - 1, 0));
  return parts;
}

/// A context that holds the longest measurement, unless the user chose one that does.
Status set_context(Policy& policy, const BenchOptions& measure, const ModelConfig& config) {
  const int longest = longest_text(measure);
  if (longest > config.max_positions)
    return wrong_use("the longest measurement takes {} tokens, but the model was made for {}; choose {}", longest,
                     config.max_positions, what_would_fit(measure, config.max_positions));
  if (policy.context > 0 && policy.context < longest)
    return wrong_use("--ctx {}: the longest measurement takes {} tokens; leave out --ctx, or choose {}", policy.context,
                     longest, what_would_fit(measure, policy.context));
  if (policy.context == 0) policy.context = longest;
  return {};
}

/// Nothing is filled that could not stay: the pools stand beside the packed weights until the end.
Status check_pools(const Plan& plan, const Manifest& manifest, const Machine& machine, const Policy& policy) {
  const uint64_t pools = weight_pool_bytes(manifest), beside = plan.memory().total(),
                 available = plan.memory().available;
  if (pools + beside <= available) return {};
  const double tenths_of_gib = std::ceil(double(pools + beside) / double(uint64_t{1} << 30) * 10) / 10;
  const bool more_is_there = policy.memory_budget > 0 && pools + beside <= machine.free_memory();
  return fail(
      "random weights need {} of memory beside the model's {}, but only {} is available; choose {}a smaller --shape",
      human_bytes(double(pools)), human_bytes(double(beside)), human_bytes(double(available)),
      more_is_there ? fmt::format("--memory {:.1f} or more, or ", tenths_of_gib) : "");
}

Result<std::unique_ptr<LoadedModel>> load(Subject& subject, const Options& options, const Plan& plan,
                                          BenchReport& report, ProgressBar& bar) {
  const LoadOptions how{.progress = bar.callback(),
                        .notice = [&bar](const std::string& text) { bar.clear(), tell(text); }};
  const Policy& policy = options.common.policy;
  if (!subject.random) return load_model(subject.folder, catalogue(), *report.machine, policy, how);
  const auto start = std::chrono::steady_clock::now();
  ThreadPool threads(plan.threads);
  report.random_seed = options.measure.seed;
  MXPATH_TRY(Checkpoint checkpoint,
             random_weights_in_memory(std::move(subject.manifest), options.measure.seed, threads, how.progress));
  report.making_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return load_model(std::move(checkpoint), catalogue(), *report.machine, policy, how);
}

/// Measuring the bandwidth took a buffer that says nothing of the model.
void forget_peak_memory() {
  if (std::FILE* file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}

uint64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) << 10;
}

Status keep_report(const Json& json, std::optional<NewFile>& out) {
  if (!out) return {};
  const std::string text = pretty(json) + "\n";
  MXPATH_CHECK(out->write({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  return out->finish();
}

Status write_report(const BenchReport& report, const Options& options, const Program& program,
                    std::optional<NewFile>& out) {
  const Json json = report_in_flags(to_json(report));
  const Status kept = keep_report(json, out);  // first: who reads the other may go away, as head does
  if (program.json) print_json(json);
  else print(in_flags(to_text(report, options.common.verbose)));
  return kept;
}

Status run(Options& options, const Program& program) {
  if (options.common.model.empty() && options.shape.empty()) options.common.model = "demo";
  MXPATH_TRY(Subject subject, subject_of(options));
  Policy& policy = options.common.policy;
  MXPATH_CHECK(set_context(policy, options.measure, subject.manifest.config));
  policy.sequences = most_sequences_of(options.measure);
  BenchReport report;
  report.model = subject.name;
  ::getloadavg(report.load_average.data(), static_cast<int>(report.load_average.size()));
  // The roof of this very hour: a busy machine has a lower one.
  const auto planned = [&](const Machine& here) { return plan_here(subject.manifest, here, policy); };
  const Machine machine =
      with_crossed_links(machine_here(Measure::again, "", policy.threads), planned, Measure::again, {"", copy_timer()});
  report.machine = &machine;
  forget_peak_memory();
  MXPATH_TRY(const Plan plan, plan_here(subject.manifest, machine, policy));
  MXPATH_CHECK(check_plan(plan, policy, {longest_text(options.measure), "measurements"}));
  if (subject.random) MXPATH_CHECK(check_pools(plan, subject.manifest, machine, policy));
  std::optional<NewFile> out;  // now, so that a wrong folder is not found out at the end
  if (!options.out.empty()) {
    MXPATH_TRY(NewFile file, NewFile::create(options.out));
    out.emplace(std::move(file));
  }
  CatchInterrupt catching;
  ProgressBar bar;
  MXPATH_TRY(const auto loaded, load(subject, options, plan, report, bar));
  report.loaded = loaded.get();
  MXPATH_TRY(Session session, Session::create(loaded->model, *loaded->threads));
  options.measure.go_on = [] { return !interrupted(); };
  options.measure.progress = bar.callback();
  MXPATH_TRY(report.result, bench(*loaded, session, machine, options.measure));
  bar.clear();
  report.peak_memory = peak_memory();
  return write_report(report, options, program, out);
}

void add_lengths(CLI::App& command, const std::string& name, std::vector<int>& lengths, const std::string& text) {
  command.add_option(name, lengths, text)
      ->check(whole_number(0, std::numeric_limits<int>::max() / 2))
      ->type_name("N,…")
      ->type_size(1)
      ->allow_extra_args(false)
      ->delimiter(',');
}

void add_measurements(CLI::App& command, BenchOptions& measure) {
  add_lengths(command, "--prompt", measure.prompts, "prompt lengths to read, in tokens; default 2048, 0: none");
  add_lengths(command, "--depth", measure.depths, "tokens of context before the answer; default 0");
  command.add_option("--sequences", measure.sequences, "answers side by side, as in 1,4,16; default 1")
      ->check(whole_number(1, most_sequences))
      ->type_name("N,…")
      ->type_size(1)
      ->allow_extra_args(false)
      ->delimiter(',');
  command.add_option("--tokens", measure.tokens, "tokens of an answer; default 128, 0: none")
      ->check(whole_number(0, 1 << 20))
      ->type_name("N");
  command.add_option("--repeat", measure.repeat, "how often each prompt is read; default 3")
      ->check(whole_number(1, 1 << 20))
      ->type_name("N");
  command.add_option("--seed", measure.seed, "seed of the random weights and the prompts; default 1")
      ->check(whole_number(0, std::numeric_limits<uint64_t>::max()))
      ->type_name("N");
}

}  // namespace

void add_bench(CLI::App& app, Program& program) {
  auto options = std::make_shared<Options>();
  options->common.model.clear();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure how fast a model answers and reads, as a share of what this machine could do");
  add_model(*command, options->common.model, false);
  command
      ->add_option("--shape", options->shape, "20b, 120b, demo, tiny or a config.json, with random weights in memory")
      ->type_name("SHAPE");
  command->add_flag("--random-weights", options->random_weights,
                    "random weights in the shape of MODEL or --shape; no file is read but its headers");
  add_choice<StoredExperts>(*command, "--stored", options->stored,
                            {{"mxfp4", StoredExperts::mxfp4}, {"bf16", StoredExperts::bf16}},
                            "how random experts are stored; default: as the config says");
  add_measurements(*command, options->measure);
  command->add_option("--out", options->out, "write the JSON report to this file too")
      ->transform(expanded_path())
      ->type_name("FILE");
  add_common_options(*command, options->common, program, Sequences::own);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
