// One operation of the model with its shapes and its device: the question that planning answers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_set.h"
#include "device/device_id.h"
#include "formats/number_format.h"
#include "plan/call.h"
#include "plan/layer_set.h"
#include "plan/layout_kind.h"
#include "plan/site_table.h"

namespace mxpath {

using FormatSet = EnumSet<NumberFormat>;

/// The part of a site that one device computes where several share it: some rows or columns of its matrix, or some of
/// its experts.
struct Shard {
  enum class Axis : uint8_t { rows, columns, experts };
  Axis axis = Axis::rows;
  int rank = 0, of = 1;  ///< by default all of it
  constexpr bool is_whole() const { return of == 1; }
  bool operator==(const Shard&) const = default;
};

/// A row of the site table in some layers of the model, which share the device and the format that their weights are
/// stored in; other layers are sites of their own of the same row.
struct Site {
  SiteId id = SiteId::head;
  DeviceId device = cpu_device;
  Shard shard = {};      ///< n, k and experts are those of the shard
  int64_t n = 0, k = 0;  ///< output width and inner width of one token; embed, norm, rope, swiglu: n = width
  int experts = 1, experts_per_token = 1;
  /// The format of the weights in the checkpoint; fp32 where its tensors differ.
  NumberFormat stored = NumberFormat::bf16;
  std::vector<NumberFormat> tensors = {};    ///< the formats that its tensors are stored in, each once
  WeightFormat format = NumberFormat::bf16;  ///< the format of the weights as they will be held (policy may convert)
  LayerSet layers = {};                      ///< those it stands for: they share what is stored and the device
  bool stored_alike = true;                  ///< false: other layers store these weights in another format
  int count = 1;                             ///< how many times it runs in one forward; a norm runs twice in a layer
  int64_t keys = 0;  ///< attention: keys one query is expected to see (window, or half the context); 0 otherwise
  int heads = 0, kv_heads = 0, head_dim = 0;  ///< attention and rope only
  NumberFormat kv = NumberFormat::bf16;       ///< attention: of the keys and values in the cache
  int adapters = 0;                           ///< low-rank products that are added to its own

  const SiteRow& row() const { return row_of(id); }
  std::string_view name() const { return row().name; }
  Op op() const { return row().op; }
  bool has_weights() const { return !row().weights.empty(); }
};

/// "moe.gate_up"; where other layers store the same weights in another format, "moe.gate_up (layers 1-23)"; with what
/// else sets it apart: "moe.gate_up (shard 1 of 2, 3 adapters)".
std::string title_of(const Site& site);

/// The least that one call must do; never less for more tokens, sequences or keys.
struct Work {
  double bytes = 0;  ///< weights and key/value cache read once, activations in and out
  double flops = 0;
};
Work work_of(const Site& site, Layout layout, const Call& call);
/// The keys that a query of this site sees in a call: those of the call where it says so, in a sliding layer at most
/// the window.
int64_t keys_seen(const Site& site, const Call& call);

/// What a call is priced by: its work, and that of one token of it, below which no call can be.
struct Load {
  int tokens = 1;
  Work work, of_one;
};
Load load_of(const Site& site, Layout layout, const Call& call);

}  // namespace mxpath
