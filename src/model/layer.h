// One transformer layer.
#pragma once
#include "model/model.h"

namespace mxpath {

/// The sites of the plan that a layer runs on one device, looked up once a forward; null where no layer needs them.
struct LayerSites {
  LayerSites(const Plan& plan, Device device);
  const SitePlan *norm, *qkv, *rope, *sliding, *full, *output, *router, *gate_up, *swiglu, *down;
};

/// The activations of a device with the residual stream in them; it is copied from the other one if it lies there.
Activations& enter(const Model& model, State& state, Device device);

/// t = norm(x) for the whole batch, both on this device.
void norm(const Model& model, const SitePlan& site, State& state, Device device, const OwnedVector& scale);

/// x += attention(norm(x)); x += experts(norm(x)), each where the plan put it.
void run_layer(const Model& model, const LayerSites& cpu, const LayerSites& gpu, State& state, int layer);

}  // namespace mxpath
