// Keys and values in pages, as the portable attention kernels read and write them. Sealed: everything here is local to
// the object that includes it.
#pragma once
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "kernels/attention/attention.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace mxpath {
namespace {

constexpr int threads = 128, warps = threads / 32;

/// What a kernel is compiled for: the two formats of 16 bits, or any of them by asking.
enum class Held { bf16, fp16, any };

/// The bits of what BF16 holds, as src/formats/bf16.h rounds.
__device__ uint16_t bf16_of(float x) {
  const uint32_t u = __float_as_uint(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40);
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}
/// FP16, and no number where that would be infinite (kv_pages.h).
__device__ uint16_t fp16_of(float x) {
  const uint16_t code = __half_as_ushort(__float2half_rn(x));
  return (code & 0x7fff) == 0x7c00 ? 0x7e00 : code;
}
__device__ float of_bf16(uint16_t code) { return __uint_as_float(static_cast<uint32_t>(code) << 16); }
__device__ float of_fp16(uint16_t code) { return __half2float(__ushort_as_half(code)); }
__device__ float of_e4m3(uint8_t code) {
  const uint32_t magnitude = code & 0x7fu, sign = (code & 0x80u) << 24;
  if (magnitude == 0x7f) return __uint_as_float(0x7fc00000u);
  return __uint_as_float(sign | __float_as_uint(__uint_as_float(magnitude << 20) * 0x1p120f));
}

/// Two values of 16 bits in a word.
template <Held held>
__device__ float low_of(uint32_t pair) {
  if constexpr (held == Held::fp16) return of_fp16(static_cast<uint16_t>(pair));
  else return __uint_as_float(pair << 16);
}
template <Held held>
__device__ float high_of(uint32_t pair) {
  if constexpr (held == Held::fp16) return of_fp16(static_cast<uint16_t>(pair >> 16));
  else return __uint_as_float(pair & 0xffff0000u);
}
template <Held held>
__device__ void decode_words(uint4 words, float (&out)[8]) {
  out[0] = low_of<held>(words.x), out[1] = high_of<held>(words.x), out[2] = low_of<held>(words.y);
  out[3] = high_of<held>(words.y), out[4] = low_of<held>(words.z), out[5] = high_of<held>(words.z);
  out[6] = low_of<held>(words.w), out[7] = high_of<held>(words.w);
}

__device__ int element_bytes(NumberFormat format) {
  return format == NumberFormat::fp32 ? 4 : format == NumberFormat::fp8_e4m3 || format == NumberFormat::int8 ? 1 : 2;
}

/// Where the row of one position and key head lies: bytes from the start of a page's keys or values.
struct CacheRow {
  uint8_t* page;
  int64_t codes, scale;
  template <Held held>
  __device__ static CacheRow at(const AttentionArgs& args, int slot, int position, int64_t kv_head) {
    const KvPages& kv = args.kv;
    const int64_t page = kv.tables[slot * kv.table_stride + position / kv_page_tokens],
                  row = kv_head * kv_page_tokens + position % kv_page_tokens,
                  bytes = int64_t{held == Held::any ? element_bytes(kv.format) : 2} * args.head_dim;
    return {kv.pool + page * kv.page_bytes, row * bytes,
            args.kv_heads * kv_page_tokens * bytes + row * int64_t{sizeof(float)}};
  }
};

/// Eight elements of a row as they are loaded. No load may go through the read-only cache: the kernel itself may have
/// stored them.
template <Held held>
struct Eight {
  uint4 words{0, 0, 0, 0};
  __device__ void load(const AttentionArgs&, const CacheRow& row, int64_t half, int chunk) {
    words = *reinterpret_cast<const uint4*>(row.page + half + row.codes + 2 * chunk);
  }
  __device__ void decode(float (&out)[8]) const { decode_words<held>(words, out); }
};
template <>
struct Eight<Held::any> {
  float values[8]{};
  __device__ void load(const AttentionArgs& args, const CacheRow& row, int64_t half, int chunk) {
    const NumberFormat format = args.kv.format;
    const uint8_t* from = row.page + half + row.codes + chunk * element_bytes(format);
    if (format == NumberFormat::fp32) {
      const float4 a = *reinterpret_cast<const float4*>(from), b = *reinterpret_cast<const float4*>(from + 16);
      values[0] = a.x, values[1] = a.y, values[2] = a.z, values[3] = a.w;
      values[4] = b.x, values[5] = b.y, values[6] = b.z, values[7] = b.w;
    } else if (format == NumberFormat::bf16) {
      decode_words<Held::bf16>(*reinterpret_cast<const uint4*>(from), values);
    } else if (format == NumberFormat::fp16) {
      decode_words<Held::fp16>(*reinterpret_cast<const uint4*>(from), values);
    } else {
      const uint2 codes = *reinterpret_cast<const uint2*>(from);
      const bool is_int8 = format == NumberFormat::int8;
      const float scale = is_int8 ? *reinterpret_cast<const float*>(row.page + half + row.scale) : 1.0f;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const uint8_t code = static_cast<uint8_t>((i < 4 ? codes.x : codes.y) >> (i % 4 * 8));
        values[i] = is_int8 ? static_cast<float>(static_cast<int8_t>(code)) * scale : of_e4m3(code);
      }
    }
  }
  __device__ void decode(float (&out)[8]) const {
#pragma unroll
    for (int i = 0; i < 8; ++i) out[i] = values[i];
  }
};

/// One element, for kernels that are not made for speed.
__device__ float element(const AttentionArgs& args, const CacheRow& row, int64_t half, int i) {
  const uint8_t* from = row.page + half + row.codes + int64_t{i} * element_bytes(args.kv.format);
  switch (args.kv.format) {
    case NumberFormat::fp32: return *reinterpret_cast<const float*>(from);
    case NumberFormat::fp16: return of_fp16(*reinterpret_cast<const uint16_t*>(from));
    case NumberFormat::fp8_e4m3: return of_e4m3(*from);
    case NumberFormat::int8:
      return static_cast<float>(*reinterpret_cast<const int8_t*>(from)) *
             *reinterpret_cast<const float*>(row.page + half + row.scale);
    default: return of_bf16(*reinterpret_cast<const uint16_t*>(from));
  }
}

/// A row of INT8 with its scale, by a warp.
__device__ void store_int8(const float* from, int count, uint8_t* to, float* scale, int lane) {
  float most = 0;
  bool odd = false;
  for (int i = lane; i < count; i += 32) {
    const float magnitude = fabsf(from[i]);
    most = fmaxf(most, magnitude), odd = odd || !(magnitude < INFINITY);
  }
  for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(all_lanes, most, step));
  odd = __any_sync(all_lanes, odd);
  const float step = odd ? __uint_as_float(0x7fc00000u) : most / 127.0f;
  if (lane == 0) *scale = step;
  for (int i = lane; i < count; i += 32)
    reinterpret_cast<int8_t*>(to)[i] =
        step > 0 ? static_cast<int8_t>(fminf(fmaxf(rintf(from[i] / step), -127.0f), 127.0f)) : int8_t{0};
}

__device__ void store_element(NumberFormat format, float x, uint8_t* row, int i) {
  switch (format) {
    case NumberFormat::fp32: reinterpret_cast<float*>(row)[i] = x; break;
    case NumberFormat::fp16: reinterpret_cast<uint16_t*>(row)[i] = fp16_of(x); break;
    case NumberFormat::fp8_e4m3:
      row[i] = isfinite(x) ? __nv_cvt_float_to_fp8(x, __NV_NOSAT, __NV_E4M3)
                           : static_cast<uint8_t>((__float_as_uint(x) >> 24 & 0x80u) | 0x7fu);
      break;
    default: reinterpret_cast<uint16_t*>(row)[i] = bf16_of(x);
  }
}

/// Writes k and v of one token and key head; `lanes` threads of which this is number `lane`. INT8 takes whole warps, of
/// which the first works.
template <Held held>
__device__ void store_row(const AttentionArgs& args, int64_t token, int64_t kv_head, int lane, int lanes) {
  const CacheRow row = CacheRow::at<held>(args, args.slots[token], args.positions[token], kv_head);
  uint8_t *k = row.page + args.kv.keys, *v = row.page + args.kv.values;
  const int64_t from = token * args.q_stride + kv_head * args.head_dim;
  if (held == Held::any && args.kv.format == NumberFormat::int8) {
    if (lane >= 32) return;
    store_int8(args.k + from, args.head_dim, k + row.codes, reinterpret_cast<float*>(k + row.scale), lane);
    store_int8(args.v + from, args.head_dim, v + row.codes, reinterpret_cast<float*>(v + row.scale), lane);
    return;
  }
  const NumberFormat format = held == Held::bf16   ? NumberFormat::bf16
                              : held == Held::fp16 ? NumberFormat::fp16
                                                   : args.kv.format;
  for (int i = lane; i < args.head_dim; i += lanes) {
    store_element(format, args.k[from + i], k + row.codes, i);
    store_element(format, args.v[from + i], v + row.codes, i);
  }
}

__device__ int first_position(const AttentionArgs& args, int last) {
  return args.window > 0 && last >= args.window ? last - args.window + 1 : 0;
}

__device__ bool starts_on_16_bytes(const float* x) { return reinterpret_cast<uintptr_t>(x) % 16 == 0; }

/// For e^(score - base_of(largest)), where minus infinity stands for nothing at all: 0 even if the largest is that too.
__device__ float base_of(float largest) { return largest == -INFINITY ? 0.0f : largest; }

}  // namespace
}  // namespace mxpath
