// A model that is ready to answer, with all it stands on.
#pragma once
#include <memory>

#include "app/model_files.h"
#include "app/reports/plan_report.h"
#include "engine/load.h"
#include "engine/session.h"

namespace mxpath {

struct Runtime {
  ModelFiles files;
  Machine machine;
  std::unique_ptr<LoadedModel> loaded;
  Session session;

  const Plan& plan() const { return loaded->model.plan; }
};

/// The plan for these files before anything is loaded. Errors: those of check_plan.
Result<Plan> plan_ahead(const ModelFiles& files, const Machine& machine, const Policy& policy, const LeastContext& least = {});

/// Loads the weights and makes a session. Errors: those of load_model, and too little memory for the cache.
Result<std::unique_ptr<Runtime>> start(ModelFiles files, const Machine& machine, const Policy& policy, const LoadOptions& options);

}  // namespace mxpath
