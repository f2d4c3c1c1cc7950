// A model that is ready to answer, with all it stands on.
#pragma once
#include <memory>

#include "app/model_files.h"
#include "engine/load.h"
#include "engine/session.h"

namespace mxpath {

struct Runtime {
  ModelFiles files;
  Machine machine;
  std::unique_ptr<LoadedModel> loaded;
  Session session;

  /// The plan that was loaded.
  const Plan& plan() const { return loaded->model.plan; }
};

/// Loads the weights and makes a session. Errors: those of load_model, and too little memory for the cache.
Result<std::unique_ptr<Runtime>> start(ModelFiles files, const Machine& machine, const Policy& policy,
                                       const LoadOptions& options);

}  // namespace mxpath
