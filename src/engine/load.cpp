#include "engine/load.h"

#include <chrono>

#include "base/text.h"

namespace mxpath {
namespace {

const KernelPath* floor_of(const Catalogue& catalogue, std::string_view path) {
  const KernelPath* found = catalogue.find(path);
  return found && is_floor(*found) ? found : nullptr;
}

/// Adds what was found to the failures. Error: the portable row is among it, below which there is nothing.
Status learn(Failures& failures, const std::string& path, const std::string& finding, const Catalogue& catalogue, const LoadOptions& options) {
  if (floor_of(catalogue, path)) return fail("{}: the portable path fails its own check ({}); this program or this computer's memory is broken, please report it", path, finding);
  if (failures.try_emplace(path, Failure{Check::self_check, finding}).second && options.notice) options.notice(fmt::format("{} is not used: {}", path, finding));
  return {};
}

/// The rows that read a site's packed matrix are all suspects when the packing is wrong.
Status learn_packing(Failures& failures, const SitePlan& site, const std::string& finding, const Catalogue& catalogue, const LoadOptions& options) {
  const size_t before = failures.size();
  for (const KernelPath* path : catalogue.paths)
    if (path->op == site.site.op && path->device == site.site.device && path->weights == site.layout) MXPATH_CHECK(learn(failures, std::string(path->name), finding, catalogue, options));
  if (failures.size() == before) return fail("{}: the plain layout {} does not give the checkpoint's values back: {}", site.site.name, name_of(site.layout), finding);
  return {};
}

/// One round: plan, check the rows, pack, check the packing. Returns whether it can stand.
Result<bool> try_plan(LoadedModel& loaded, const Catalogue& catalogue, const Machine& machine, const Policy& policy, const LoadOptions& options) {
  Model& model = loaded.model;
  const size_t known = loaded.failures.size();
  MXPATH_TRY(model.plan, make_plan(loaded.checkpoint.manifest(), catalogue, machine, policy, loaded.failures));
  MXPATH_CHECK(check_memory(model.plan));
  MXPATH_CHECK(check_strict(model.plan, policy));
  if (!loaded.threads) loaded.threads = std::make_unique<ThreadPool>(model.plan.threads);
  loaded.checks = self_check(model.plan, model.config, policy, *loaded.threads);
  for (const SelfCheckResult& check : loaded.checks)
    if (!check.finding.empty()) MXPATH_CHECK(learn(loaded.failures, check.path, check.finding, catalogue, options));
  if (loaded.failures.size() > known) return false;
  MXPATH_CHECK(pack_weights(model.weights, model.plan, loaded.checkpoint, *loaded.threads, options.progress));
  for (const auto& [site, finding] : check_packing(model.weights, loaded.checkpoint, 1))
    MXPATH_CHECK(learn_packing(loaded.failures, model.plan.site(site), finding, catalogue, options));
  return loaded.failures.size() == known;
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> load_model(const std::string& folder, const Catalogue& catalogue, const Machine& machine, const Policy& policy, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  MXPATH_TRY(Manifest manifest, open_manifest(folder));
  if (manifest.header_only) return fail("{}: there is only a config.json, no weights; `mxpath plan` works with it, running does not", folder);
  // The memory plan speaks before the files are mapped.
  MXPATH_TRY(const Plan first, make_plan(manifest, catalogue, machine, policy));
  MXPATH_CHECK(check_memory(first));
  auto loaded = std::make_unique<LoadedModel>();
  MXPATH_TRY(loaded->checkpoint, Checkpoint::open(std::move(manifest)));
  loaded->model.config = loaded->checkpoint.manifest().config;
  loaded->model.rope = make_rope_table(loaded->model.config.rope, loaded->model.config.head_dim);
  for (;;) {
    MXPATH_TRY(const bool stands, try_plan(*loaded, catalogue, machine, policy, options));
    if (stands) break;
  }
  loaded->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace mxpath
