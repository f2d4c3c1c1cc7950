#include "app/runtime.h"

#include "kernels/catalogue.h"

namespace mxpath {

Result<std::unique_ptr<Runtime>> start(ModelFiles files, const Machine& machine, const Policy& policy,
                                       const LoadOptions& options) {
  for (const std::string& decision : files.manifest.decisions)
    if (options.notice) options.notice(decision);
  MXPATH_TRY(auto loaded, load_model(files.folder, catalogue(), machine, policy, options));
  MXPATH_TRY(Session session, Session::create(loaded->model, *loaded->threads));
  return std::make_unique<Runtime>(Runtime{std::move(files), machine, std::move(loaded), std::move(session)});
}

}  // namespace mxpath
