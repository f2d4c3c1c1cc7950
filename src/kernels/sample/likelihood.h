// What decides which token is chosen, in arithmetic that has the same bits on the host and on a GPU: nothing is fused,
// and likelihoods are summed as integers, so that no order of summation matters.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels/sample/sample.h"
#include "plan/address_map.h"

namespace mxpath {

/// What can still be picked has a likelihood of at least 2^-45, so e^-31.2 is below it.
inline constexpr float least_exponent = -31.2f;
inline constexpr float largest_float = 3.402823466e38f;

// nvcc fuses a * b + c by itself, but not these.
#ifdef __CUDA_ARCH__
__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline float plus(float a, float b) { return __fadd_rn(a, b); }
__device__ inline float quotient(float a, float b) { return __fdiv_rn(a, b); }
__device__ inline uint64_t high_product(uint64_t a, uint64_t b) { return __umul64hi(a, b); }
#else
/// Of floats, or of vectors of them.
template <class A, class B>
MXPATH_ANYWHERE inline A product(A a, B b) {
  return a * b;
}
template <class A, class B>
MXPATH_ANYWHERE inline A plus(A a, B b) {
  return a + b;
}
MXPATH_ANYWHERE inline float quotient(float a, float b) { return a / b; }
__extension__ typedef unsigned __int128 uint128_t;
/// The upper 64 bits of a product.
MXPATH_ANYWHERE inline uint64_t high_product(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(uint128_t{a} * b >> 64);
}
#endif

/// How logits become likelihoods: e^((logit - largest) × inverse), so that the most likely has 1.
struct Softmax {
  float largest, inverse;
};
/// An inverse that is infinite would make the largest no number.
MXPATH_ANYWHERE inline Softmax softmax_of(float largest, float temperature) {
  const float inverse = quotient(1.0f, temperature);
  return {largest, inverse < largest_float ? inverse : largest_float};
}

/// (logit - largest) × inverse: at most 0, or no number where a logit of minus infinity meets an inverse of 0.
MXPATH_ANYWHERE inline float exponent_of(float logit, Softmax s) { return product(plus(logit, -s.largest), s.inverse); }

/// e^x between least_exponent and 0: the steps of exp_of (kernels/simd/exp.h), bit for bit, without what it does
/// elsewhere. F and Bits: float and uint32_t, or vectors of as many.
template <class F, class Bits>
MXPATH_ANYWHERE inline F exp_steps(F x) {
  const F shifted = plus(product(x, 1.44269504f), 12582912.0f), n = plus(shifted, -12582912.0f);
  const F r = plus(plus(x, -product(n, 0.693359375f)), product(n, 2.12194440e-4f));
  F p = plus(product(r, 1.9875691500e-4f), 1.3981999507e-3f);
  p = plus(product(p, r), 8.3334519073e-3f);
  p = plus(product(p, r), 4.1665795894e-2f);
  p = plus(product(p, r), 1.6666665459e-1f);
  p = plus(product(p, r), 5.0000001201e-1f);
  p = plus(plus(product(p, product(r, r)), r), 1.0f);
  Bits bits, power;
  memcpy(&bits, &p, sizeof p);
  memcpy(&power, &shifted, sizeof p);
  bits += power << 23;
  memcpy(&p, &bits, sizeof p);
  return p;
}

/// e^x for x from exponent_of().
MXPATH_ANYWHERE inline float exp_of_exponent(float x) { return x > least_exponent ? exp_steps<float, uint32_t>(x) : 0; }

/// A likelihood in steps of 2^-44: 2^18 ids sum to less than 2^63.
inline constexpr float mass_of_one = 0x1p44f;
MXPATH_ANYWHERE inline uint64_t mass_of(float likelihood) {
#ifdef __CUDA_ARCH__
  return __float2ull_rn(likelihood * mass_of_one);
#else
  const double shifted = static_cast<double>(likelihood) * static_cast<double>(mass_of_one) + 0x1p52;  // rounds
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return bits & ((uint64_t{1} << 52) - 1);
#endif
}

/// The mass that the running sum must pass: random × total, rounded down, so it lies below the total.
MXPATH_ANYWHERE inline uint64_t picked_mass(double random, uint64_t total) {
  const double most = 1 - 0x1p-53, bounded = random > 0 ? (random < most ? random : most) : 0;
  return high_product(static_cast<uint64_t>(bounded * 0x1p53) << 11, total);
}

/// The mass that the fewest must reach: top_p × total, rounded up, at least one step. top_p below 1.
MXPATH_ANYWHERE inline uint64_t needed_mass(float top_p, uint64_t total) {
  const uint64_t share = top_p > 0 ? static_cast<uint64_t>(static_cast<double>(top_p) * 0x1p64) : 0;
  const uint64_t needed = high_product(share, total) + (share * total != 0);
  return needed > 0 ? needed : 1;
}

/// The logit of a token that the text holds `count` times.
MXPATH_ANYWHERE inline float penalised(float logit, const SampleRow& row, int count) {
  float x = logit > 0 ? quotient(logit, row.repetition_penalty) : product(logit, row.repetition_penalty);
  x = plus(x, -row.presence_penalty);
  x = plus(x, -product(row.frequency_penalty, static_cast<float>(count)));
  return x > -largest_float ? (x < largest_float ? x : largest_float) : -largest_float;
}

MXPATH_ANYWHERE inline bool is_greedy(const SampleRow& row) { return !(row.temperature > 0); }
/// Whether the order of likelihood matters: min_p alone asks each id for itself.
MXPATH_ANYWHERE inline bool cuts_by_order(const SampleRow& row) { return row.top_k > 0 || row.top_p < 1; }
MXPATH_ANYWHERE inline bool is_penalised(const SampleRow& row) { return row.seen_count > 0; }
/// The likelihood below which min_p leaves nothing; the most likely always stays.
MXPATH_ANYWHERE inline float least_likelihood(const SampleRow& row) { return row.min_p < 1 ? row.min_p : 1; }

/// How many ids may be chosen, counted from 0.
MXPATH_ANYWHERE inline int choosable(const SampleArgs& args) {
  const int count = args.largest_token < 0 ? 1 : args.largest_token + 1;
  return count < args.vocab ? count : args.vocab;
}

}  // namespace mxpath
