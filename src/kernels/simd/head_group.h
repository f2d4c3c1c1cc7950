// Attention of one token's query heads over one key head: the loops that the instruction sets share. `Math` gives
// vectors of `lanes` floats. Scores: lanes are keys, so that no sum runs across lanes; values: lanes are dimensions.
// Sealed: everything here is local to the object that includes it, and nothing of std is used.
#pragma once
#include "kernels/attention/head_group.h"
#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

constexpr int chunk = chunk_positions;

/// The part of a page that a query sees, as rows of keys or values `stride` bytes apart. Lanes outside of it are read
/// with their neighbours and not used.
struct ChunkRows {
  const uint8_t* rows;  // of lane 0; lane = position % chunk
  int64_t stride;
  int begin, end;  // lanes with a visible position
};

constexpr int bytes_of(KvCodes codes) { return codes == KvCodes::fp32 ? 4 : is_unpacked(codes) ? 1 : 2; }

/// Eight-bit rows as floats, each `padded` long.
template <class Math, KvCodes codes>
void unpack(const ChunkRows& from, const float* scales, int head_dim, int padded, float* to) {
  for (int lane = from.begin; lane < from.end; ++lane) {
    const uint8_t* row = from.rows + lane * from.stride;
    for (int d = 0; d < head_dim; d += Math::lanes) {
      const int count = head_dim - d < Math::lanes ? head_dim - d : Math::lanes;
      if constexpr (codes == KvCodes::int8)
        Math::store(to + lane * padded + d, Math::multiply(Math::int8(row + d, count), Math::set(scales[lane])));
      else Math::store(to + lane * padded + d, Math::e4m3(row + d, count));
    }
  }
}

/// Where the rows of a page are, unpacked into `unpacked` where the codes have eight bits.
template <class Math, KvCodes codes>
ChunkRows rows_of_chunk(const HeadGroupJob& job, int64_t rows, int64_t scales, int64_t start, float* unpacked) {
  const uint8_t* page = job.pool + job.table[start / chunk] * job.page_bytes;
  ChunkRows part;
  part.rows = page + rows, part.stride = int64_t{bytes_of(codes)} * job.head_dim;
  part.begin = static_cast<int>(job.first > start ? job.first - start : 0);
  part.end = static_cast<int>(job.last - start < chunk ? job.last - start + 1 : chunk);
  if constexpr (is_unpacked(codes)) {
    const int padded = (job.head_dim + 31) / 32 * 32;
    unpack<Math, codes>(part, reinterpret_cast<const float*>(page + scales), job.head_dim, padded, unpacked);
    part.rows = reinterpret_cast<const uint8_t*>(unpacked), part.stride = int64_t{4} * padded;
  }
  return part;
}

/// keys → columns[head_dim][chunk] as float.
template <class Math, KvCodes codes>
void transpose_keys(const ChunkRows& keys, int head_dim, float* columns) {
  constexpr bool pairs = codes == KvCodes::bf16 || codes == KvCodes::fp16;  // two dimensions in a word
  const int words = pairs ? (head_dim + 1) / 2 : head_dim;
  for (int lane = 0; lane < chunk; lane += Math::lanes) {
    if (lane >= keys.end || lane + Math::lanes <= keys.begin) continue;
    for (int w = 0; w < words; w += Math::lanes) {
      const int count = words - w < Math::lanes ? words - w : Math::lanes;
      typename Math::Words column[Math::lanes];
      Math::transpose(keys.rows + lane * keys.stride + 4 * w, keys.stride, count, column);
      float* to = columns + (pairs ? 2 * w : w) * chunk + lane;
#pragma GCC unroll 16
      for (int i = 0; i < Math::lanes; ++i) {
        if (i >= count) break;
        if constexpr (codes == KvCodes::bf16) {
          Math::store(to + 2 * i * chunk, Math::low_bf16(column[i]));
          Math::store(to + (2 * i + 1) * chunk, Math::high_bf16(column[i]));
        } else if constexpr (codes == KvCodes::fp16) {
          Math::store(to + 2 * i * chunk, Math::low_fp16(column[i]));
          Math::store(to + (2 * i + 1) * chunk, Math::high_fp16(column[i]));
        } else {
          Math::store(to + i * chunk, Math::words_as_floats(column[i]));
        }
      }
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

/// `count` values of a row from dimension d on; the others are zero and not read.
template <class Math, KvCodes codes>
typename Math::Vector values_at(const uint8_t* row, int d, int count) {
  if constexpr (codes == KvCodes::bf16) return Math::bf16(reinterpret_cast<const uint16_t*>(row) + d, count);
  else if constexpr (codes == KvCodes::fp16) return Math::fp16(reinterpret_cast<const uint16_t*>(row) + d, count);
  else return Math::fp32(reinterpret_cast<const float*>(row) + d, count);
}

/// sums[H heads][two vectors of dimensions] = sums · keep + Σ weight · value over the visible keys of a chunk.
template <class Math, KvCodes codes, int H>
void value_tile(const ChunkRows& values, int head_dim, int d, int padded, const float* weights, const float* keep,
                float* sums) {
  const int left = head_dim - d, first = left < Math::lanes ? left : Math::lanes,
            second = left - first < Math::lanes ? left - first : Math::lanes;
  typename Math::Vector sum[H][2];
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < 2; ++i)
      sum[h][i] = Math::multiply(Math::load(sums + h * padded + d + i * Math::lanes), Math::set(keep[h]));
  for (int lane = values.begin; lane < values.end; ++lane) {
    const uint8_t* row = values.rows + lane * values.stride;
    const typename Math::Vector v0 = values_at<Math, codes>(row, d, first),
                                v1 = values_at<Math, codes>(row, d + first, second);
#pragma GCC unroll 8
    for (int h = 0; h < H; ++h) {
      const typename Math::Vector weight = Math::set(weights[h * chunk + lane]);
      sum[h][0] = Math::add_product(sum[h][0], v0, weight), sum[h][1] = Math::add_product(sum[h][1], v1, weight);
    }
  }
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < 2; ++i) Math::store(sums + h * padded + d + i * Math::lanes, sum[h][i]);
}

template <class Math, KvCodes codes>
void value_chunk(const HeadGroupJob& job, const ChunkRows& values, int padded, const float* weights, const float* keep,
                 float* sums) {
  for (int d = 0; d < job.head_dim; d += 2 * Math::lanes) {
    int h = 0;
    for (; h + Math::heads <= job.group; h += Math::heads)
      value_tile<Math, codes, Math::heads>(values, job.head_dim, d, padded, weights + h * chunk, keep + h,
                                           sums + h * padded);
    for (; h < job.group; ++h)
      value_tile<Math, codes, 1>(values, job.head_dim, d, padded, weights + h * chunk, keep + h, sums + h * padded);
  }
}

template <class Math, KvCodes codes>
void head_group_of(const HeadGroupJob& job, float* scratch) {
  const int padded = (job.head_dim + 31) / 32 * 32, group = (job.group + 15) / 16 * 16;
  float* scores = scratch;                      // [group][chunk]
  float* columns = scores + job.group * chunk;  // [head_dim][chunk]
  float* sums = columns + padded * chunk;       // [group][padded]
  float *largest = sums + job.group * padded, *sum = largest + group, *keep = sum + group;
  float* unpacked = keep + group;  // [chunk][padded]
  for (int h = 0; h < job.group; ++h) {
    // The sink is a score without a value: the sum starts with its weight. Of minus infinity the first chunk takes that
    // back.
    largest[h] = job.sinks[h], sum[h] = 1;
    for (int d = 0; d < padded; ++d) sums[h * padded + d] = 0;
  }
  constexpr KvCodes read = is_unpacked(codes) ? KvCodes::fp32 : codes;
  for (int64_t start = job.first / chunk * chunk; start <= job.last; start += chunk) {
    const ChunkRows keys = rows_of_chunk<Math, codes>(job, job.keys, job.key_scales, start, unpacked);
    transpose_keys<Math, read>(keys, job.head_dim, columns);
    score_chunk<Math>(job, keys, columns, scores);
    for (int h = 0; h < job.group; ++h) keep[h] = softmax_chunk<Math>(keys, scores + h * chunk, largest + h, sum + h);
    const ChunkRows values = rows_of_chunk<Math, codes>(job, job.values, job.value_scales, start, unpacked);
    value_chunk<Math, read>(job, values, padded, scores, keep, sums);
  }
  for (int h = 0; h < job.group; ++h)
    for (int d = 0; d < job.head_dim; ++d) job.y[h * job.head_dim + d] = sums[h * padded + d] / sum[h];
}

template <class Math>
void head_group(const HeadGroupJob& job, float* scratch) {
  switch (job.codes) {
    case KvCodes::bf16: return head_group_of<Math, KvCodes::bf16>(job, scratch);
    case KvCodes::fp16: return head_group_of<Math, KvCodes::fp16>(job, scratch);
    case KvCodes::fp32: return head_group_of<Math, KvCodes::fp32>(job, scratch);
    case KvCodes::e4m3: return head_group_of<Math, KvCodes::e4m3>(job, scratch);
    case KvCodes::int8: return head_group_of<Math, KvCodes::int8>(job, scratch);
  }
}

}  // namespace
}  // namespace mxpath
