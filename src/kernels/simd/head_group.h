// Attention of one token's query heads over one key head: the loops that the instruction sets share. `Math` gives
// vectors of `lanes` floats. Scores: lanes are keys, so that no sum runs across lanes; values: lanes are dimensions.
// Sealed: everything here is local to the object that includes it, and nothing of std is used.
#pragma once
#include "kernels/attention/head_group.h"
#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

constexpr int chunk = chunk_positions;

/// The part of a chunk that a query sees, as rows of keys or values; lanes beyond it repeat a row and are not used.
struct ChunkRows {
  const uint16_t* rows[chunk];
  int begin, end;  // lanes with a visible position; lane = position % chunk
};

inline ChunkRows rows_of_chunk(const HeadGroupJob& job, const uint16_t* const* blocks, int64_t start) {
  ChunkRows part;
  part.begin = static_cast<int>(job.first > start ? job.first - start : 0);
  part.end = static_cast<int>(job.last - start < chunk ? job.last - start + 1 : chunk);
  int64_t slot = (start + part.begin) % job.capacity;
  for (int lane = part.begin; lane < part.end; ++lane) {
    part.rows[lane] = blocks[slot / chunk] + job.head_offset + slot % chunk * job.head_dim;
    if (++slot == job.capacity) slot = 0;
  }
  for (int lane = 0; lane < part.begin; ++lane) part.rows[lane] = part.rows[part.begin];
  for (int lane = part.end; lane < chunk; ++lane) part.rows[lane] = part.rows[part.begin];
  return part;
}

/// keys → columns[head_dim][chunk] as float.
template <class Math>
void transpose_keys(const ChunkRows& keys, int head_dim, float* columns) {
  for (int lane = 0; lane < chunk; lane += Math::lanes) {
    if (lane >= keys.end || lane + Math::lanes <= keys.begin) continue;
    for (int d = 0; d < head_dim; d += 2 * Math::lanes) {
      const int left = head_dim - d;
      Math::transpose(keys.rows + lane, d, left < 2 * Math::lanes ? left : 2 * Math::lanes, columns + d * chunk + lane);
    }
  }
}

/// scores[H][chunk] of H heads for two vectors of keys.
template <class Math, int H>
void score_tile(const HeadGroupJob& job, const float* columns, int head, int lane, float* scores) {
  typename Math::Vector sums[H][2];
  for (int h = 0; h < H; ++h) sums[h][0] = sums[h][1] = Math::zero();
  const float* q = job.q + head * job.head_dim;
  for (int d = 0; d < job.head_dim; ++d) {
    const typename Math::Vector k0 = Math::load(columns + d * chunk + lane),
                                k1 = Math::load(columns + d * chunk + lane + Math::lanes);
#pragma GCC unroll 8
    for (int h = 0; h < H; ++h) {
      const typename Math::Vector broadcast = Math::set(q[h * job.head_dim + d]);
      sums[h][0] = Math::add_product(sums[h][0], k0, broadcast),
      sums[h][1] = Math::add_product(sums[h][1], k1, broadcast);
    }
  }
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < 2; ++i)
      Math::store(scores + (head + h) * chunk + lane + i * Math::lanes,
                  Math::multiply(sums[h][i], Math::set(job.scale)));
}

template <class Math>
void score_chunk(const HeadGroupJob& job, const ChunkRows& keys, const float* columns, float* scores) {
  for (int lane = 0; lane < chunk; lane += 2 * Math::lanes) {
    if (lane >= keys.end || lane + 2 * Math::lanes <= keys.begin) continue;
    int head = 0;
    for (; head + Math::heads <= job.group; head += Math::heads)
      score_tile<Math, Math::heads>(job, columns, head, lane, scores);
    for (; head < job.group; ++head) score_tile<Math, 1>(job, columns, head, lane, scores);
  }
}

/// Running softmax of one head; returns the factor for what has been summed so far. Scores of visible lanes become
/// weights, others 0.
template <class Math>
float softmax_chunk(const ChunkRows& keys, float* scores, float* largest, float* sum) {
  const float none = -__builtin_inff();
  for (int lane = 0; lane < keys.begin; ++lane) scores[lane] = none;
  for (int lane = keys.end; lane < chunk; ++lane) scores[lane] = none;
  typename Math::Vector most = Math::set(*largest);
  for (int lane = 0; lane < chunk; lane += Math::lanes) most = Math::larger(most, Math::load(scores + lane));
  const float now = Math::largest(most), keep = Math::first(Math::exp(Math::set(*largest - now)));
  typename Math::Vector total = Math::zero();
  for (int lane = 0; lane < chunk; lane += Math::lanes) {
    const typename Math::Vector weight = Math::exp(Math::subtract(Math::load(scores + lane), Math::set(now)));
    Math::store(scores + lane, weight);
    total = Math::add(total, weight);
  }
  *sum = *sum * keep + Math::sum(total), *largest = now;
  return keep;
}

/// sums[H heads][two vectors of dimensions] = sums · keep + Σ weight · value over the visible keys of a chunk.
template <class Math, int H>
void value_tile(const ChunkRows& values, int head_dim, int d, int padded, const float* weights, const float* keep,
                float* sums) {
  const int left = head_dim - d, first = left < Math::lanes ? left : Math::lanes,
            second = left - first < Math::lanes ? left - first : Math::lanes;
  typename Math::Vector sum[H][2];
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < 2; ++i)
      sum[h][i] = Math::multiply(Math::load(sums + h * padded + d + i * Math::lanes), Math::set(keep[h]));
  for (int lane = values.begin; lane < values.end; ++lane) {
    const uint16_t* row = values.rows[lane] + d;
    const typename Math::Vector v0 = Math::bf16(row, first), v1 = Math::bf16(row + first, second);
#pragma GCC unroll 8
    for (int h = 0; h < H; ++h) {
      const typename Math::Vector weight = Math::set(weights[h * chunk + lane]);
      sum[h][0] = Math::add_product(sum[h][0], v0, weight), sum[h][1] = Math::add_product(sum[h][1], v1, weight);
    }
  }
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < 2; ++i) Math::store(sums + h * padded + d + i * Math::lanes, sum[h][i]);
}

template <class Math>
void value_chunk(const HeadGroupJob& job, const ChunkRows& values, int padded, const float* weights, const float* keep,
                 float* sums) {
  for (int d = 0; d < job.head_dim; d += 2 * Math::lanes) {
    int h = 0;
    for (; h + Math::heads <= job.group; h += Math::heads)
      value_tile<Math, Math::heads>(values, job.head_dim, d, padded, weights + h * chunk, keep + h, sums + h * padded);
    for (; h < job.group; ++h)
      value_tile<Math, 1>(values, job.head_dim, d, padded, weights + h * chunk, keep + h, sums + h * padded);
  }
}

template <class Math>
void head_group(const HeadGroupJob& job, float* scratch) {
  const int padded = (job.head_dim + 31) / 32 * 32, group = (job.group + 15) / 16 * 16;
  float* scores = scratch;                      // [group][chunk]
  float* columns = scores + job.group * chunk;  // [head_dim][chunk]
  float* sums = columns + padded * chunk;       // [group][padded]
  float *largest = sums + job.group * padded, *sum = largest + group, *keep = sum + group;
  for (int h = 0; h < job.group; ++h) {
    // The sink is a score without a value: the sum starts with its weight. Of minus infinity the first chunk takes that
    // back.
    largest[h] = job.sinks[h], sum[h] = 1;
    for (int d = 0; d < padded; ++d) sums[h * padded + d] = 0;
  }
  for (int64_t start = job.first / chunk * chunk; start <= job.last; start += chunk) {
    const ChunkRows keys = rows_of_chunk(job, job.k_blocks, start);
    transpose_keys<Math>(keys, job.head_dim, columns);
    score_chunk<Math>(job, keys, columns, scores);
    for (int h = 0; h < job.group; ++h) keep[h] = softmax_chunk<Math>(keys, scores + h * chunk, largest + h, sum + h);
    value_chunk<Math>(job, rows_of_chunk(job, job.v_blocks, start), padded, scores, keep, sums);
  }
  for (int h = 0; h < job.group; ++h)
    for (int d = 0; d < job.head_dim; ++d) job.y[h * job.head_dim + d] = sums[h * padded + d] / sum[h];
}

}  // namespace
}  // namespace mxpath
