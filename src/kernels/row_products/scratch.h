// What the CPU rows of the matrix products keep during a call: a panel of decoded weights and sums for each thread;
// where the inputs become BF16, the inputs once more behind the panels.
#pragma once
#include "kernels/row_products/row_products.h"
#include "plan/site.h"

namespace mxpath {

inline size_t panels_scratch(const Site& site, const Call&, int threads) {
  return static_cast<size_t>(threads) * row_products_thread_bytes(site.k);
}
/// The inputs are one row of k per token.
inline size_t bf16_tokens_scratch(const Site& site, const Call& call, int threads) {
  return panels_scratch(site, call, threads) +
         static_cast<size_t>(call.tokens * bf16_stride(site.k)) * sizeof(uint16_t);
}
/// The inputs are one row of k per token and chosen expert.
inline size_t bf16_pairs_scratch(const Site& site, const Call& call, int threads) {
  const int64_t pairs = int64_t{call.tokens} * site.experts_per_token;
  return panels_scratch(site, call, threads) + static_cast<size_t>(pairs * bf16_stride(site.k)) * sizeof(uint16_t);
}

}  // namespace mxpath
