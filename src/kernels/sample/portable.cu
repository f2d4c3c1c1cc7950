// Greedy: every block finds the largest of its part, one more block the largest of those.
#include <climits>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda_row.h"
#include "kernels/sample/sample.h"

namespace mxpath {
namespace {

constexpr int threads = 256, most_parts = sample_cuda_parts;
constexpr int64_t least_part = 1024;

/// A logit and where it stands; nobody: minus infinity at INT_MAX. What is not finite, of any id, stands as infinity at
/// -1 and beats all.
struct Candidate {
  float logit;
  int32_t token;
};
__device__ Candidate candidate(float logit, int token, int count) {
  if (!isfinite(logit)) return {INFINITY, -1};
  return token < count ? Candidate{logit, token} : Candidate{-INFINITY, INT_MAX};
}
__device__ Candidate better(Candidate a, Candidate b) {
  return b.logit > a.logit || (b.logit == a.logit && b.token < a.token) ? b : a;
}

__device__ Candidate best_of_block(Candidate mine) {
  __shared__ Candidate best[threads / 32];
  for (int step = 16; step > 0; step /= 2)
    mine = better(mine, {__shfl_xor_sync(all_lanes, mine.logit, step), __shfl_xor_sync(all_lanes, mine.token, step)});
  if (threadIdx.x % 32 == 0) best[threadIdx.x / 32] = mine;
  __syncthreads();
  for (int warp = 0; warp < threads / 32; ++warp) mine = better(mine, best[warp]);
  return mine;
}

/// Of ids below count; those up to vocab must be finite too.
__global__ void __launch_bounds__(threads)
    best_of_parts(const float* logits, int count, int vocab, int part, Candidate* best) {
  const int begin = static_cast<int>(blockIdx.x) * part, end = min(vocab, begin + part);
  Candidate mine{-INFINITY, INT_MAX};
  for (int i = begin + static_cast<int>(threadIdx.x); i < end; i += threads)
    mine = better(mine, candidate(logits[i], i, count));
  mine = best_of_block(mine);
  if (threadIdx.x == 0) best[blockIdx.x] = mine;
}

__global__ void __launch_bounds__(threads) best_of_all(const Candidate* best, int parts, int32_t* token) {
  Candidate mine{-INFINITY, INT_MAX};
  for (int i = static_cast<int>(threadIdx.x); i < parts; i += threads) mine = better(mine, best[i]);
  mine = best_of_block(mine);
  if (threadIdx.x == 0) *token = mine.token;
}

const void* const images[] = {reinterpret_cast<const void*>(&best_of_parts),
                              reinterpret_cast<const void*>(&best_of_all)};

}  // namespace

void sample_cuda_portable(const SampleArgs& args) {
  constexpr const char* name = "sample.cuda.portable.f32";
  const int count = args.largest_token + 1 < 1            ? 1
                    : args.largest_token + 1 > args.vocab ? args.vocab
                                                          : args.largest_token + 1;
  const int64_t even = (int64_t{args.vocab} + most_parts - 1) / most_parts,
                part = even < least_part ? least_part : even;
  const unsigned parts = blocks_for(args.vocab, part);
  Candidate* best = static_cast<Candidate*>(args.scratch);
  launch(*args.stream, name, best_of_parts, dim3(parts), dim3(threads), args.logits, count, args.vocab,
         static_cast<int>(part), best);
  launch(*args.stream, name, best_of_all, dim3(1), dim3(threads), best, static_cast<int>(parts), args.token);
}
KernelImages sample_cuda_portable_images() { return images; }

}  // namespace mxpath
