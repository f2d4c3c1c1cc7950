// From what was found in the parts of a row to its token.
#pragma once
#include "kernels/sample/device_row.h"
#include "kernels/sample/select.cuh"

namespace mxpath {

inline constexpr int choosing_threads = 512;

/// What the ids of a row that may be chosen weigh.
struct Likelihoods {
  const uint32_t* keys;
  Softmax softmax;
  float least;  // min_p

  __device__ float exponent(int id) const { return keys[id] ? exponent_of(logit_of(keys[id]), softmax) : -INFINITY; }
  __device__ uint64_t mass(int id) const { return mass_of(exp_of_exponent(exponent(id))); }
  __device__ uint64_t mass_left(int id) const {
    const float likelihood = exp_of_exponent(exponent(id));
    return likelihood >= least ? mass_of(likelihood) : 0;
  }
  /// Of an id that has a mass; a bin is never more likely than the one before.
  __device__ int bin(int id) const { return static_cast<int>(-exponent(id) * sample_bins_per_nat); }
};

/// The place of the largest logit that may be chosen; 0: there is none, or some logit is not finite.
template <int threads>
__device__ uint64_t best_of_row(const DeviceRow& state, int parts) {
  uint64_t best = 0;
  bool odd = false;
  for (int p = static_cast<int>(threadIdx.x); p < parts; p += threads) {
    odd |= state.parts[p].odd != 0;
    best = state.parts[p].best > best ? state.parts[p].best : best;
  }
  best = block_most<threads>(best);
  return __syncthreads_or(odd) ? 0 : best;
}

/// The last bin that a cut by order can leave something of.
template <int threads>
__device__ int last_bin(const DeviceRow& state, const SampleRow& row) {
  uint64_t count = 0, mass = 0;
  for (int bin = static_cast<int>(threadIdx.x); bin < sample_bins; bin += threads)
    count += state.bin_count[bin], mass += state.bin_mass[bin];
  count = block_sum_of<threads>(count), mass = block_sum_of<threads>(mass);
  const bool by_k = row.top_k > 0 && static_cast<uint64_t>(row.top_k) <= count;
  if (!by_k && !(row.top_p < 1)) return sample_bins - 1;
  const auto weighed = [&](int bin) {
    return Weighed{static_cast<uint64_t>(sample_bins - 1 - bin), by_k ? state.bin_count[bin] : state.bin_mass[bin]};
  };
  const uint64_t needed = by_k ? static_cast<uint64_t>(row.top_k) : needed_mass(row.top_p, mass);
  return sample_bins - 1 - static_cast<int>(place_reaching<threads>(sample_bins, 10, needed, weighed).place);
}

/// The ids that a cut may leave: as they are listed, or all where there are more than the list has room for.
struct Source {
  const int32_t* ids;  // null: all
  int count;
  __device__ int id(int i) const { return ids ? ids[i] : i; }
};

/// Bits of the numbers below `count`.
__device__ inline int bits_below(int count) { return count > 1 ? 32 - __clz(count - 1) : 1; }

/// The place that top_k and top_p cut after.
__device__ inline uint64_t last_place(const DeviceRow& state, const SampleRow& row, const Source& from,
                                      const Likelihoods& of) {
  constexpr int threads = choosing_threads;
  uint64_t last = 0;
  const auto place = [&](int id) { return place_of(state.keys[id], id); };
  const bool by_k = row.top_k > 0 && row.top_k <= *state.listed;
  if (by_k)
    last = place_reaching<threads>(from.count, 64, static_cast<uint64_t>(row.top_k), [&](int i) {
             return Weighed{place(from.id(i)), of.mass(from.id(i)) != 0};
           }).place;
  if (!(row.top_p < 1)) return last;
  uint64_t total = 0;
  if (by_k) {
    for (int i = static_cast<int>(threadIdx.x); i < from.count; i += threads)
      if (place(from.id(i)) >= last) total += of.mass(from.id(i));
  } else {
    for (int bin = static_cast<int>(threadIdx.x); bin < sample_bins; bin += threads) total += state.bin_mass[bin];
  }
  const uint64_t needed = needed_mass(row.top_p, block_sum_of<threads>(total));
  return place_reaching<threads>(from.count, 64, needed,
                                 [&](int i) {
                                   return Weighed{place(from.id(i)), of.mass(from.id(i))};
                                 })
      .place;
}

/// Of a row that cuts by order.
__device__ inline int choose_from_list(const DeviceRow& state, const SampleRow& row, int vocab, const Likelihoods& of) {
  constexpr int threads = choosing_threads;
  const bool is_whole = *state.listed <= sample_listed(vocab);
  const Source from{is_whole ? state.list : nullptr, is_whole ? *state.listed : vocab};
  const uint64_t last = last_place(state, row, from, of);
  const auto mass_left = [&](int id) { return place_of(state.keys[id], id) >= last ? of.mass_left(id) : 0; };
  uint64_t total = 0;
  for (int i = static_cast<int>(threadIdx.x); i < from.count; i += threads) total += mass_left(from.id(i));
  const uint64_t wanted = picked_mass(row.random, block_sum_of<threads>(total)) + 1;
  const Reached chosen = place_reaching<threads>(from.count, bits_below(vocab), wanted, [&](int i) {
    const int id = from.id(i);
    return Weighed{static_cast<uint64_t>(vocab - 1 - id), mass_left(id)};
  });
  return vocab - 1 - static_cast<int>(chosen.place);
}

/// Of a row that does not: first the part, then the id in it.
__device__ inline int choose_from_parts(const DeviceRow& state, const SampleRow& row, int vocab,
                                        const Likelihoods& of) {
  constexpr int threads = choosing_threads;
  const int parts = sample_parts(vocab);
  uint64_t total = 0;
  for (int p = static_cast<int>(threadIdx.x); p < parts; p += threads) total += state.parts[p].mass;
  const uint64_t wanted = picked_mass(row.random, block_sum_of<threads>(total)) + 1;
  const Reached part = place_reaching<threads>(parts, bits_below(parts), wanted, [&](int p) {
    return Weighed{static_cast<uint64_t>(parts - 1 - p), state.parts[p].mass};
  });
  const int first = (parts - 1 - static_cast<int>(part.place)) * sample_part, count = min(sample_part, vocab - first);
  const Reached chosen = place_reaching<threads>(count, bits_below(sample_part), part.needed, [&](int i) {
    return Weighed{static_cast<uint64_t>(sample_part - 1 - i), of.mass_left(first + i)};
  });
  return first + sample_part - 1 - static_cast<int>(chosen.place);
}

/// Every thread of the block gets the token.
__device__ inline int token_of_row(const SampleArgs& args, const SampleRow& row, const DeviceRow& state) {
  const int parts = sample_parts(args.vocab);
  const uint64_t best = best_of_row<choosing_threads>(state, parts);
  if (best == 0) {
    bool odd = false;
    for (int p = static_cast<int>(threadIdx.x); p < parts; p += choosing_threads) odd |= state.parts[p].odd != 0;
    return __syncthreads_or(odd) ? -1 : -2;
  }
  if (is_greedy(row)) return id_at(best);
  const Likelihoods of{state.keys, softmax_of(logit_of(key_at(best)), row.temperature), least_likelihood(row)};
  return cuts_by_order(row) ? choose_from_list(state, row, args.vocab, of)
                            : choose_from_parts(state, row, args.vocab, of);
}

/// The log-probabilities that the call wants of a row.
__device__ inline void report_row(const SampleArgs& args, int r, const DeviceRow& state, int token) {
  constexpr int threads = choosing_threads;
  __shared__ uint64_t top[most_top_tokens];
  const int parts = sample_parts(args.vocab), tid = static_cast<int>(threadIdx.x);
  uint32_t key = 0;
  for (int p = tid; p < parts; p += threads) key = max(key, key_of(state.parts[p].raw_largest));
  const float largest = logit_of(static_cast<uint32_t>(block_most<threads>(key)));
  double sum = 0;
  for (int p = tid; p < parts; p += threads)
    sum +=
        static_cast<double>(state.parts[p].raw_sum) * static_cast<double>(expf(state.parts[p].raw_largest - largest));
  sum = block_total<threads>(sum);
  top_places<threads>(args.top, top, [&](uint64_t bound) {
    uint64_t most = 0;
    for (int i = tid; i < parts * args.top; i += threads) {
      const uint64_t place = state.top[i / args.top * most_top_tokens + i % args.top];
      if (place < bound && place > most) most = place;
    }
    return most;
  });
  __syncthreads();
  // The token's own and the top ones, by a thread each.
  const bool is_top = tid < args.top && token != -1;
  if (tid > args.top) return;
  const uint64_t place = is_top ? top[tid] : 0;
  const int id = tid == args.top ? token : place ? id_at(place) : -1;
  float logprob = -INFINITY;
  if (id >= 0) {
    const float logit = args.logits[r * args.logits_stride + id];
    logprob = static_cast<float>(static_cast<double>(logit) - (static_cast<double>(largest) + log(sum)));
  }
  if (tid < args.top)
    args.top_token[int64_t{r} * args.top + tid] = id, args.top_logprob[int64_t{r} * args.top + tid] = logprob;
  else if (args.logprob) args.logprob[r] = logprob;
}

}  // namespace mxpath
