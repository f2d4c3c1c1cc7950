// One operation of the model with its shapes and its device: the question that planning answers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "device/device_id.h"
#include "formats/number_format.h"
#include "plan/layer_set.h"
#include "plan/layout_kind.h"

namespace mxpath {

enum class Op : uint8_t { embed, norm, linear, rope, attention, router, moe_gate_up, swiglu, moe_down, sample };
inline constexpr int op_count = 10;
std::string_view name_of(Op op);

/// One op of the model; equal ones of several layers are one site with a count. Layers whose weights are stored in different formats are
/// sites of their own under the same name.
struct Site {
  std::string name = {};  ///< "attention.qkv", "moe.gate_up", "head"
  Op op = Op::linear;
  DeviceId device = cpu_device;
  int64_t n = 0, k = 0;  ///< output width and inner width of one token; embed, norm, rope, swiglu: n = width
  int experts = 1, experts_per_token = 1;
  bool has_weights = false;
  NumberFormat stored = NumberFormat::bf16;   ///< of the weights in the checkpoint
  WeightFormat format = NumberFormat::bf16;   ///< of the weights as they will be held (policy may convert)
  LayerSet layers = {};                       ///< those it stands for: they share what is stored and the device
  bool stored_alike = true;                   ///< false: other layers store these weights in another format
  int count = 1;                              ///< how many times it runs in one forward; a norm runs twice in a layer
  int64_t keys = 0;                           ///< attention: keys one query sees at most (window, or the context); 0 otherwise
  int heads = 0, kv_heads = 0, head_dim = 0;  ///< attention and rope only
};

/// "moe.gate_up"; where other layers store the same weights in another format, "moe.gate_up (layers 1-23)".
std::string title_of(const Site& site);

/// The least that one call with `tokens` tokens must do; never less for more tokens. In attention each of them sees site.keys keys.
struct Work {
  double bytes = 0;  ///< weights and key/value cache read once, activations in and out
  double flops = 0;
};
Work work_of(const Site& site, Layout layout, int64_t tokens);

}  // namespace mxpath
