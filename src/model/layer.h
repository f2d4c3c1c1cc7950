// The parts of a forward, in the order in which a token meets them. Each runs on the batch that was staged, where the
// plan put it.
#pragma once
#include "model/model.h"

namespace mxpath {

/// The activations of a device with the residual stream in them; it is copied from where it lies.
Activations& move_residual_to(const Model& model, State& state, DeviceId device);

/// x = the rows of the embedding.
void embed(const Model& model, State& state);
/// x += attention(norm(x)).
void attention_block(const Model& model, State& state, int layer);
/// x += experts(norm(x)).
void experts_block(const Model& model, State& state, int layer);
/// t = norm(x), which head() reads.
void final_norm(const Model& model, State& state);

}  // namespace mxpath
