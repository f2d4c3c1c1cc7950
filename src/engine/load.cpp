#include "engine/load.h"

#include <chrono>

#include "base/system_memory.h"
#include "base/text.h"
#include "kernels/catalogue.h"
#include "plan/fallback.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

/// What differs as packed, and what --inject-failure says of a site that a named path reads.
Result<std::vector<PackingDifference>> packing_differences(const LoadedModel& loaded, const Policy& policy) {
  MXPATH_TRY(auto differences, check_packing(loaded.model.weights, loaded.model.plan, loaded.checkpoint, 1));
  for (const SitePlan& site : loaded.model.plan.sites)
    for (std::string& finding : injected_packing(policy, site)) differences.push_back({&site, std::move(finding)});
  return differences;
}

Status send_rope_table(Model& model) {
  const size_t bytes = model.rope.inverse_frequency.size() * sizeof(double);
  for (const GpuShare& share : model.plan.placement.gpus) {
    Memory& copy = model.rope_copies[share.gpu];
    if (copy.size() > 0) continue;
    MXPATH_TRY(Stream stream, Stream::create(share.gpu));
    MXPATH_TRY(copy, Memory::allocate(share.gpu, bytes));
    MXPATH_CHECK(stream.copy_in(copy.data(), model.rope.inverse_frequency.data(), bytes));
  }
  return {};
}

/// Between the plan and now other programs may have taken what the plan counts on; the system would end this one while
/// weights are packed.
Status check_still_free(const Plan& plan) {
  const SystemMemory memory = system_memory();
  const uint64_t needs = plan.memory().total();
  if (memory.total == 0 || needs <= memory.free) return {};
  return fail(
      "the model needs {} of memory, but only {} of {} is free now; close other programs, or choose a shorter context",
      human_bytes(double(needs)), human_bytes(double(memory.free)), human_bytes(double(memory.total)));
}

/// One round: plan, check the rows, pack, check the packing. Returns whether it can stand.
Result<bool> try_plan(LoadedModel& loaded, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                      const LoadOptions& options) {
  Model& model = loaded.model;
  const size_t known = loaded.failures.size();
  MXPATH_TRY(model.plan, make_plan(loaded.checkpoint.manifest(), catalogue, machine, policy, loaded.failures));
  MXPATH_CHECK(check_memory(model.plan));
  MXPATH_CHECK(check_strict(model.plan, policy));
  if (!loaded.threads) loaded.threads = std::make_unique<ThreadPool>(model.plan.threads);
  loaded.checks = self_check(model.plan, model.config, policy, *loaded.threads);
  for (const SelfCheckResult& check : loaded.checks)
    if (!check.finding.empty())
      MXPATH_CHECK(
          record_failure(loaded.failures, check.suspect(), {check.check, check.finding}, catalogue, options.notice));
  if (loaded.failures.size() > known) return false;
  if (model.weights.layers.empty()) MXPATH_CHECK(check_still_free(model.plan));
  MXPATH_CHECK(send_rope_table(model));
  MXPATH_CHECK(pack_weights(model.weights, model.plan, loaded.checkpoint, *loaded.threads, options.progress));
  const Failures before = loaded.failures;
  MXPATH_TRY(const auto differences, packing_differences(loaded, policy));
  for (const auto& [site, finding] : differences)
    MXPATH_CHECK(record_packing_failure(loaded.failures, before, *site, finding, catalogue, options.notice));
  return loaded.failures.size() == known;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Failures failures_before_loading(const Machine& machine, const Policy& policy) {
  return image_failures(machine, policy);
}

Result<std::unique_ptr<LoadedModel>> load_model(const std::string& folder, const Catalogue& catalogue,
                                                const Machine& machine, const Policy& policy,
                                                const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  MXPATH_TRY(Manifest manifest, open_manifest(folder));
  if (manifest.header_only)
    return fail("{}: there is only a config.json, no weights; `mxpath plan` works with it, running does not", folder);
  // The memory plan speaks before the files are mapped.
  MXPATH_TRY(const Plan first,
             make_plan(manifest, catalogue, machine, policy, failures_before_loading(machine, policy)));
  MXPATH_CHECK(check_memory(first));
  MXPATH_TRY(Checkpoint checkpoint, Checkpoint::open(std::move(manifest)));
  MXPATH_TRY(auto loaded, load_model(std::move(checkpoint), catalogue, machine, policy, options));
  loaded->seconds = seconds_since(start);
  return loaded;
}

Result<std::unique_ptr<LoadedModel>> load_model(Checkpoint checkpoint, const Catalogue& catalogue,
                                                const Machine& machine, const Policy& policy,
                                                const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto loaded = std::make_unique<LoadedModel>();
  loaded->checkpoint = std::move(checkpoint);
  loaded->failures = failures_before_loading(machine, policy);
  loaded->model.config = loaded->checkpoint.manifest().config;
  loaded->model.rope = make_rope_table(loaded->model.config.rope, loaded->model.config.head_dim);
  for (;;) {
    MXPATH_TRY(const bool stands, try_plan(*loaded, catalogue, machine, policy, options));
    if (stands) break;
  }
  warn_unused_injections(policy, catalogue, loaded->failures, options.notice);
  if (options.notice)
    for (const Conversion& conversion : loaded->model.plan.conversions)
      options.notice("converted on load: " +
                     to_string(conversion, rounded_values(loaded->model.weights, loaded->model.plan, conversion)));
  loaded->seconds = seconds_since(start);
  return loaded;
}

}  // namespace mxpath
