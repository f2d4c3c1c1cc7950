// One transformer layer.
#pragma once
#include "model/model.h"

namespace mxpath {

/// The sites of the plan that a layer runs, looked up once a forward.
struct LayerSites {
  explicit LayerSites(const Plan& plan);
  const SitePlan *norm, *qkv, *rope, *sliding, *full, *output, *router, *gate_up, *swiglu, *down;
};

/// x += attention(norm(x)); x += experts(norm(x)).
void run_layer(const Model& model, const LayerSites& sites, State& state, const Batch& batch, int layer);

}  // namespace mxpath
