// Runs every row that a plan chose on a small known problem before it touches the model.
#pragma once
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/config.h"
#include "plan/plan.h"

namespace mxpath {

struct SelfCheckResult {
  std::string path;      ///< the name of the row, also where its device failed as a whole
  SiteId site;           ///< it was checked for
  DeviceId device = {};  ///< where the row was run
  double worst = 0;      ///< largest |difference| of the random problem as a share of its bound; ≤ 1 passes
  double seconds = 0;
  /// Multiply-adds, of the row and of what it was compared with: what the check costs on any computer.
  uint64_t work = 0;
  std::string finding;              ///< empty: passed
  Check check = Check::self_check;  ///< the kind of a finding; no_image: the driver does not load a kernel of the row,
                                    ///< and nothing was run; device_failed: the GPU itself failed, and the rest of its
                                    ///< rows were not run
  /// Whom a finding is about.
  Suspect suspect() const { return {check == Check::device_failed ? std::string() : path, device}; }
};

/// One result for each distinct (path, device, layout, shape) of the plan. Each matrix row solves an exact problem
/// (small integers, all 16 codes, scales around 127: every sum is exact, so the bits must equal a double reference, for
/// every token and every output) and a random one inside a bound derived from its arithmetic, at the least and the
/// largest typical token count it was chosen for; the other ops are compared with the formula in double, every output
/// of every token. About 200 ms in all for the 20b shape. Paths named by policy.inject_failure fail, so that the
/// fallback can be watched. CUDA rows run on copies on their device; an error of CUDA is a finding like a wrong number,
/// but one that breaks the device is one finding of the device, which ends the check of its rows.
std::vector<SelfCheckResult> self_check(const Plan& plan, const ModelConfig& config, const Policy& policy,
                                        ThreadPool& threads);

}  // namespace mxpath
