// How the keys and values of a model lie in pages: which layers share a page, and where in it each of them is. The
// memory plan counts these pages, `kv/` hands them out, and attention rows read them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "formats/number_format.h"
#include "plan/placement.h"

namespace mxpath {

/// Positions in a page; memory is taken in whole pages.
inline constexpr int kv_page_tokens = 64;

/// The formats that keys and values can be held in: bf16, fp16, fp32, fp8_e4m3 and int8 with an FP32 scale for each
/// token and head.
std::span<const NumberFormat> kv_formats();
/// Bytes of the keys, or of the values, of one layer in a page: [kv_heads][64][head_dim] of the format; for INT8 then
/// [kv_heads][64] FP32 scales.
uint64_t kv_half_bytes(NumberFormat format, int kv_heads, int head_dim);
/// The largest magnitude that a format holds; infinite where it has a scale.
double largest_in(NumberFormat kv);

/// Layers that give pages back at the same time, on one device: a sequence has one table of pages for them.
struct KvGroup {
  DeviceId device;
  int64_t window = 0;  ///< keys that a token sees, itself included; 0: all
  std::vector<int> layers;
};

/// A page holds as many layers as the larger of the two kinds has, where there are about as many of each; otherwise as
/// many as the smaller kind, and the larger is several groups. So one pool serves both.
struct KvLayout {
  NumberFormat format = NumberFormat::bf16;
  uint64_t half = 0;  ///< kv_half_bytes
  std::vector<KvGroup> groups = {};
  struct Place {
    size_t group = 0;
    uint64_t at = 0;  ///< bytes from the start of a page to the keys; the values lie `half` behind
  };
  std::vector<Place> places = {};  ///< [layers]

  /// Of the pool of a device; 0: it has no attention layer.
  uint64_t page_bytes(DeviceId device) const;
  /// The most pages of a device that a sequence of so many tokens holds, while up to `chunk` of them are read at once.
  int64_t pages_for(DeviceId device, int64_t tokens, int chunk) const;
};
KvLayout kv_layout(const ModelConfig& config, const Placement& placement, NumberFormat format);

/// Entries in the page table of a sequence of `context` tokens.
constexpr int64_t kv_table_entries(int64_t context) { return (context + kv_page_tokens - 1) / kv_page_tokens; }

}  // namespace mxpath
