// Four launches, whatever the rows ask for: parts of each row are read, their likelihoods counted, what cuts may leave
// listed, and one block for each row chooses. A greedy row has nothing to do in the second and third.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda_row.h"
#include "kernels/sample/choose.cuh"
#include "kernels/sample/read_part.cuh"

namespace mxpath {
namespace {

constexpr int threads = 256;
using Ids = IdsOfPart<threads>;

/// Reads a part: is it finite, what may be chosen, and what is the largest.
__global__ void __launch_bounds__(threads) read_parts(SampleArgs args) {
  const int r = static_cast<int>(blockIdx.y), part = static_cast<int>(blockIdx.x);
  const SampleRow& row = args.row[r];
  const DeviceRow state = device_row(args.scratch, args.vocab, r);
  Ids ids(part, args.vocab, args.logits + r * args.logits_stride);
  SamplePart found{};
  found.odd = __syncthreads_or(ids.any_odd());
  if (args.logprob || args.top > 0) report_part(ids, args, found, state.top + part * most_top_tokens);
  uint64_t best = 0;
  change_logits(ids, args, row);
  for (int i = 0; i < Ids::each; ++i) {
    if (!ids.is_there(i)) continue;
    const uint32_t key = may_choose(args, row, ids.id(i)) ? key_of(ids.x[i]) : 0;
    if (!is_greedy(row)) state.keys[ids.id(i)] = key;
    const uint64_t place = key ? place_of(key, ids.id(i)) : 0;
    best = place > best ? place : best;
  }
  found.best = block_most<threads>(best);
  if (threadIdx.x == 0) state.parts[part] = found;
  if (is_greedy(row) || !cuts_by_order(row)) return;
  const int step = static_cast<int>(gridDim.x) * threads, own = part * threads + static_cast<int>(threadIdx.x);
  for (int bin = own; bin < sample_bins; bin += step) state.bin_mass[bin] = 0, state.bin_count[bin] = 0;
  if (own == 0) *state.listed = 0;
}

/// Σ likelihood of a part that min_p leaves; or of a row that cuts by order, how many and how much lie in each bin.
__global__ void __launch_bounds__(threads) count_parts(SampleArgs args) {
  __shared__ uint64_t bin_mass[sample_bins];
  __shared__ uint32_t bin_count[sample_bins];
  const int r = static_cast<int>(blockIdx.y), part = static_cast<int>(blockIdx.x);
  const SampleRow& row = args.row[r];
  if (is_greedy(row)) return;
  const DeviceRow state = device_row(args.scratch, args.vocab, r);
  const uint64_t best = best_of_row<threads>(state, sample_parts(args.vocab));
  if (best == 0) return;
  const Likelihoods of{state.keys, softmax_of(logit_of(key_at(best)), row.temperature), least_likelihood(row)};
  const bool by_order = cuts_by_order(row);
  const int tid = static_cast<int>(threadIdx.x), end = min(args.vocab, (part + 1) * sample_part);
  uint64_t mass = 0;
  if (by_order) {
    for (int bin = tid; bin < sample_bins; bin += threads) bin_mass[bin] = 0, bin_count[bin] = 0;
    __syncthreads();
  }
  for (int id = part * sample_part + tid; id < end; id += threads) {
    if (!by_order) mass += of.mass_left(id);
    else if (const uint64_t one = of.mass(id); one != 0)
      add(&bin_mass[of.bin(id)], one), atomicAdd(&bin_count[of.bin(id)], 1u);
  }
  if (!by_order) {
    mass = block_sum_of<threads>(mass);
    if (tid == 0) state.parts[part].mass = mass;
    return;
  }
  __syncthreads();
  for (int bin = tid; bin < sample_bins; bin += threads)
    if (bin_count[bin] > 0) add(&state.bin_mass[bin], bin_mass[bin]), atomicAdd(&state.bin_count[bin], bin_count[bin]);
}

/// Of a row that cuts by order: lists the ids of the bins in which the cut can lie and of those above.
__global__ void __launch_bounds__(threads) list_parts(SampleArgs args) {
  __shared__ int count, first;
  const int r = static_cast<int>(blockIdx.y), part = static_cast<int>(blockIdx.x);
  const SampleRow& row = args.row[r];
  if (is_greedy(row) || !cuts_by_order(row)) return;
  const DeviceRow state = device_row(args.scratch, args.vocab, r);
  const uint64_t best = best_of_row<threads>(state, sample_parts(args.vocab));
  if (best == 0) return;
  const Likelihoods of{state.keys, softmax_of(logit_of(key_at(best)), row.temperature), 0};
  const int last = last_bin<threads>(state, row), begin = part * sample_part;
  const auto is_listed = [&](int id) { return id < args.vocab && of.mass(id) != 0 && of.bin(id) <= last; };
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  int own[Ids::each];
#pragma unroll
  for (int i = 0; i < Ids::each; ++i)
    own[i] = is_listed(begin + i * threads + static_cast<int>(threadIdx.x)) ? atomicAdd(&count, 1) : -1;
  __syncthreads();
  if (threadIdx.x == 0 && count > 0) first = atomicAdd(state.listed, count);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < Ids::each; ++i)
    if (own[i] >= 0 && first + own[i] < sample_listed(args.vocab))
      state.list[first + own[i]] = begin + i * threads + static_cast<int>(threadIdx.x);
}

__global__ void __launch_bounds__(choosing_threads) choose_tokens(SampleArgs args) {
  const int r = static_cast<int>(blockIdx.x);
  const DeviceRow state = device_row(args.scratch, args.vocab, r);
  const int token = token_of_row(args, args.row[r], state);
  if (threadIdx.x == 0) args.token[r] = token;
  if (args.logprob || args.top > 0) report_row(args, r, state, token);
}

const void* const images[] = {reinterpret_cast<const void*>(&read_parts), reinterpret_cast<const void*>(&count_parts),
                              reinterpret_cast<const void*>(&list_parts),
                              reinterpret_cast<const void*>(&choose_tokens)};

}  // namespace

void sample_cuda_portable(const SampleArgs& args) {
  constexpr const char* name = "sample.cuda.portable.f32";
  const dim3 parts(blocks_for(args.vocab, sample_part), static_cast<unsigned>(args.rows < 0 ? 0 : args.rows));
  launch(*args.stream, name, read_parts, parts, dim3(threads), args);
  launch(*args.stream, name, count_parts, parts, dim3(threads), args);
  launch(*args.stream, name, list_parts, parts, dim3(threads), args);
  launch(*args.stream, name, choose_tokens, dim3(parts.y), dim3(choosing_threads), args);
}
KernelImages sample_cuda_portable_images() { return images; }

}  // namespace mxpath
