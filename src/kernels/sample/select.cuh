// What a block finds together: sums, the largest, and by radix selection the place at which a sum is reached.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/weights.cuh"
#include "kernels/sample/likelihood.h"

namespace mxpath {

/// The bits of a float in the order of its value: integers of which the larger is the larger float. Zero has one sign;
/// no finite float has 0.
__device__ inline uint32_t key_of(float x) {
  const uint32_t bits = __float_as_uint(x == 0 ? 0.0f : x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
__device__ inline float logit_of(uint32_t key) { return float_of_bits(key >> 31 ? key & 0x7fffffffu : ~key); }

/// A logit and its id as one number: more likely is larger, and so is the lower id among equals. 0 is nobody's.
__device__ inline uint64_t place_of(uint32_t key, int id) { return uint64_t{key} << 32 | static_cast<uint32_t>(~id); }
__device__ inline uint32_t key_at(uint64_t place) { return static_cast<uint32_t>(place >> 32); }
__device__ inline int id_at(uint64_t place) { return static_cast<int>(~static_cast<uint32_t>(place)); }

__device__ inline void add(uint64_t* sum, uint64_t value) {
  static_assert(sizeof(unsigned long long) == sizeof(uint64_t));
  atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
}
__device__ inline uint64_t from_lane(uint64_t value, int lane_mask) {
  return __shfl_xor_sync(all_lanes, static_cast<unsigned long long>(value), lane_mask);
}

/// Every thread of a block gets the largest of what all have.
template <int threads>
__device__ uint64_t block_most(uint64_t value) {
  __shared__ uint64_t most[threads / 32];
  for (int step = 16; step > 0; step /= 2) {
    const uint64_t other = from_lane(value, step);
    value = other > value ? other : value;
  }
  __syncthreads();  // the call before has read
  if (threadIdx.x % 32 == 0) most[threadIdx.x / 32] = value;
  __syncthreads();
  for (int warp = 0; warp < threads / 32; ++warp) value = most[warp] > value ? most[warp] : value;
  return value;
}

/// Every thread gets the sum, of integers or in one order.
template <int threads, class Number>
__device__ Number block_total(Number value) {
  __shared__ Number totals[threads / 32];
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(all_lanes, value, step);
  __syncthreads();  // the call before has read
  if (threadIdx.x % 32 == 0) totals[threadIdx.x / 32] = value;
  __syncthreads();
  value = totals[0];
  for (int warp = 1; warp < threads / 32; ++warp) value += totals[warp];
  return value;
}
template <int threads>
__device__ uint64_t block_sum_of(uint64_t value) {
  return block_total<threads>(static_cast<unsigned long long>(value));
}

/// Something that is counted at a place; weight 0: it is not there.
struct Weighed {
  uint64_t place, weight;
};
/// Where a sum of weights is reached, and how much of the weight there it takes.
struct Reached {
  uint64_t place, needed;
};

inline constexpr int digit_bits = 8, digits = 1 << digit_bits;
struct DigitBins {
  uint64_t weight[digits];
  uint32_t count[digits];
  uint64_t needed;  // of the digit that was found
  uint32_t digit, found;
  uint64_t place;
};

/// One warp: from the highest digit down, the one at which the weights sum to `needed`.
__device__ inline void find_digit(DigitBins& bins, uint64_t needed, int lane) {
  constexpr int each = digits / 32;
  const int highest = digits - 1 - lane * each;
  uint64_t mine = 0;
  for (int i = 0; i < each; ++i) mine += bins.weight[highest - i];
  uint64_t up_to = mine;
  for (int step = 1; step < 32; step *= 2) {
    const uint64_t other = __shfl_up_sync(all_lanes, static_cast<unsigned long long>(up_to), step);
    up_to += lane >= step ? other : 0;
  }
  uint64_t above = up_to - mine;
  if (above >= needed || up_to < needed) return;
  int digit = highest;
  while (above + bins.weight[digit] < needed) above += bins.weight[digit--];
  bins.needed = needed - above, bins.digit = static_cast<uint32_t>(digit), bins.found = bins.count[digit];
}

/// The highest place at which the weights of all that stands there or above sum to `needed`, which is not more than all
/// weigh together. weighed(i): of `count` things, in any order; places have so many `bits`, and each has one thing.
template <int threads, class Weighing>
__device__ Reached place_reaching(int count, int bits, uint64_t needed, Weighing weighed) {
  __shared__ DigitBins bins;
  uint64_t prefix = 0;
  int shift = (bits + digit_bits - 1) / digit_bits * digit_bits;
  const auto is_inside = [&](uint64_t place) { return shift >= 64 || (place ^ prefix) >> shift == 0; };
  while (shift > 0) {
    __syncthreads();  // the digit before has been read
    for (int d = static_cast<int>(threadIdx.x); d < digits; d += threads) bins.weight[d] = 0, bins.count[d] = 0;
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) {
      const Weighed one = weighed(i);
      if (one.weight == 0 || !is_inside(one.place)) continue;
      const int digit = static_cast<int>(one.place >> (shift - digit_bits)) & (digits - 1);
      add(&bins.weight[digit], one.weight);
      atomicAdd(&bins.count[digit], 1u);
    }
    __syncthreads();
    if (threadIdx.x < 32) find_digit(bins, needed, static_cast<int>(threadIdx.x));
    __syncthreads();
    shift -= digit_bits;
    prefix |= uint64_t{bins.digit} << shift, needed = bins.needed;
    if (bins.found > 1 || shift == 0) continue;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads)
      if (const Weighed one = weighed(i); one.weight != 0 && is_inside(one.place)) bins.place = one.place;
    __syncthreads();
    prefix = bins.place;
    break;
  }
  __syncthreads();
  return {prefix, needed};
}

/// The largest places of a block, in descending order, 0 where there are no more; for the first thread to see.
/// largest_below(bound): of what the calling thread has, 0: nothing.
template <int threads, class Largest>
__device__ void top_places(int top, uint64_t* out, Largest largest_below) {
  uint64_t mine = largest_below(~uint64_t{0});
  for (int i = 0; i < top; ++i) {
    const uint64_t most = block_most<threads>(mine);
    if (threadIdx.x == 0) out[i] = most;
    if (most != 0 && mine == most) mine = largest_below(most);
  }
}

}  // namespace mxpath
