#include "app/runtime.h"

#include "kernels/catalogue.h"

namespace mxpath {

Result<Plan> plan_ahead(const ModelFiles& files, const Machine& machine, const Policy& policy, const LeastContext& least) {
  MXPATH_TRY(Plan plan, make_plan(files.manifest, catalogue(), machine, policy));
  MXPATH_CHECK(check_plan(plan, policy, least));
  return plan;
}

Result<std::unique_ptr<Runtime>> start(ModelFiles files, const Machine& machine, const Policy& policy, const LoadOptions& options) {
  for (const std::string& decision : files.manifest.decisions)
    if (options.notice) options.notice(decision);
  MXPATH_TRY(auto loaded, load_model(files.folder, catalogue(), machine, policy, options));
  MXPATH_TRY(Session session, Session::create(loaded->model, *loaded->threads));
  return std::make_unique<Runtime>(Runtime{std::move(files), machine, std::move(loaded), std::move(session)});
}

}  // namespace mxpath
