// What a CUDA row of sampling keeps of each row between its launches.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/sample/sample.h"
#include "plan/address_map.h"

namespace mxpath {

/// Ids of one block; a row is so many parts as it has begun.
inline constexpr int sample_part = 2048;
/// Likelihoods are counted in bins of e^(1/32); those that can be picked lie in the first thousand.
inline constexpr int sample_bins = 1024, sample_bins_per_nat = 32;
/// So many ids that may be left after a cut are listed; where there are more, the row is read whole.
MXPATH_ANYWHERE constexpr int sample_listed(int vocab) { return vocab < 4096 ? vocab : 4096; }

MXPATH_ANYWHERE constexpr int sample_parts(int vocab) { return (vocab + sample_part - 1) / sample_part; }

/// What a block finds in its part.
struct SamplePart {
  uint64_t best;      // place (portable.cu) of the largest logit that may be chosen; 0: there is none
  uint64_t mass;      // Σ likelihood of what min_p leaves
  float raw_largest;  // of all logits as they came
  float raw_sum;      // Σ e^(logit - raw_largest)
  int odd;            // not 0: some logit is not finite
  int unused;
};
static_assert(sizeof(SamplePart) == 32);

/// The arrays of one row.
struct DeviceRow {
  SamplePart* parts;    // [sample_parts]
  uint64_t* bin_mass;   // [sample_bins]
  uint64_t* top;        // [sample_parts, most_top_tokens] places of the largest logits as they came
  uint32_t* bin_count;  // [sample_bins]
  uint32_t* keys;       // [vocab] order of the logits that may be chosen, 0: may not be
  int32_t* list;        // [sample_listed] ids that may be left after the cut, in any order
  int32_t* listed;      // how many there are, which may be more than have room
};

MXPATH_ANYWHERE constexpr size_t device_row_bytes(int vocab) {
  const size_t parts = static_cast<size_t>(sample_parts(vocab)), ids = static_cast<size_t>(vocab);
  const size_t bytes = parts * (sizeof(SamplePart) + most_top_tokens * sizeof(uint64_t)) +
                       sample_bins * (sizeof(uint64_t) + sizeof(uint32_t)) + ids * sizeof(uint32_t) +
                       (static_cast<size_t>(sample_listed(vocab)) + 1) * sizeof(int32_t);
  return (bytes + 63) / 64 * 64;
}

MXPATH_ANYWHERE inline DeviceRow device_row(void* scratch, int vocab, int64_t row) {
  uint8_t* at = static_cast<uint8_t*>(scratch) + row * static_cast<int64_t>(device_row_bytes(vocab));
  DeviceRow out;
  out.parts = reinterpret_cast<SamplePart*>(at);
  out.bin_mass = reinterpret_cast<uint64_t*>(out.parts + sample_parts(vocab));
  out.top = out.bin_mass + sample_bins;
  out.bin_count = reinterpret_cast<uint32_t*>(out.top + sample_parts(vocab) * most_top_tokens);
  out.keys = out.bin_count + sample_bins;
  out.list = reinterpret_cast<int32_t*>(out.keys + vocab);
  out.listed = out.list + sample_listed(vocab);
  return out;
}

}  // namespace mxpath
