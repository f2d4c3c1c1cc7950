// From a folder to a model that is proven to compute the right thing.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "checkpoint/manifest.h"
#include "kernels/self_check.h"
#include "machine/machine.h"
#include "model/model.h"

namespace mxpath {

struct LoadOptions {
  Progress progress;
  std::function<void(const std::string&)>
      notice;  ///< called for every fallback as it happens, and of every conversion of weights; one sentence each
};

/// A model with everything that it stands on. Not movable: the model's matrices may point into the checkpoint's files.
struct LoadedModel {
  Checkpoint checkpoint;
  Model model;
  std::unique_ptr<ThreadPool> threads;
  Failures failures;                    ///< paths that failed here
  std::vector<SelfCheckResult> checks;  ///< the self-checks of the final plan
  double seconds = 0;                   ///< the time that loading took
};

/// What is known before anything is tried: rows for which the driver has no image. Loading begins with them, and so
/// must every plan that shows what loading would do.
Failures failures_before_loading(const Machine& machine, const Policy& policy);

/// plan → self-check → pack → check the packing; a failure becomes a fact and planning starts again with it. This ends,
/// because failures only grow. Errors: everything that opening finds, a model larger than memory (before any weight is
/// read), what `strict` refuses, and a portable path that fails its own check: nothing is hidden.
Result<std::unique_ptr<LoadedModel>> load_model(const std::string& folder, const Catalogue& catalogue,
                                                const Machine& machine, const Policy& policy,
                                                const LoadOptions& options = {});
/// The same for a checkpoint that is already open: its weights may lie in memory.
Result<std::unique_ptr<LoadedModel>> load_model(Checkpoint checkpoint, const Catalogue& catalogue,
                                                const Machine& machine, const Policy& policy,
                                                const LoadOptions& options = {});

}  // namespace mxpath
