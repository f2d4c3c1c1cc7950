#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "machine/probe.h"

namespace mxpath {
namespace {

constexpr size_t line = 64;
// Read side by side: one stream leaves a core waiting for its prefetcher. Two threads of a Sapphire Rapids read 17 GB/s with one
// stream of 128-bit loads, 20.5 with two to eight, and 23.5 with four of 512-bit loads, so the widest loads are used.
constexpr size_t streams = 4;

uint64_t sum_of(__m128i pair) {
  return static_cast<uint64_t>(_mm_cvtsi128_si64(pair)) + static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(pair, pair)));
}

// Each adds up all 64-bit words of [data, data + bytes); bytes is a multiple of streams × line.

uint64_t sum_words(const uint8_t* data, size_t bytes) {
  const size_t stride = bytes / streams;
  __m128i sums[streams] = {};
  for (size_t i = 0; i < stride; i += line)
    for (size_t s = 0; s < streams; ++s) {
      const auto* p = reinterpret_cast<const __m128i*>(data + s * stride + i);
      sums[s] = _mm_add_epi64(sums[s], _mm_add_epi64(_mm_add_epi64(p[0], p[1]), _mm_add_epi64(p[2], p[3])));
    }
  return sum_of(_mm_add_epi64(_mm_add_epi64(sums[0], sums[1]), _mm_add_epi64(sums[2], sums[3])));
}

__attribute__((target("avx2"))) uint64_t sum_words_avx2(const uint8_t* data, size_t bytes) {
  const size_t stride = bytes / streams;
  __m256i sums[streams] = {};
  for (size_t i = 0; i < stride; i += line)
    for (size_t s = 0; s < streams; ++s) {
      const auto* p = reinterpret_cast<const __m256i*>(data + s * stride + i);
      sums[s] = _mm256_add_epi64(sums[s], _mm256_add_epi64(p[0], p[1]));
    }
  const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
  return sum_of(_mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
}

__attribute__((target("avx512f"))) uint64_t sum_words_avx512(const uint8_t* data, size_t bytes) {
  const size_t stride = bytes / streams;
  __m512i sums[streams] = {};
  for (size_t i = 0; i < stride; i += line)
    for (size_t s = 0; s < streams; ++s) sums[s] = _mm512_add_epi64(sums[s], _mm512_load_si512(data + s * stride + i));
  alignas(line) uint64_t words[8];  // by hand: GCC 12 warns about its own _mm512_reduce_add_epi64
  _mm512_store_si512(words, _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3])));
  return std::accumulate(words, words + 8, uint64_t{0});
}

auto widest_sum() {
  const CpuFeatures features = probe_cpu().features;
  return features.has(CpuFeature::avx512) ? sum_words_avx512 : features.has(CpuFeature::avx2) ? sum_words_avx2 : sum_words;
}

/// Bytes of the last-level cache that the first processor sees; sysconf is no help, it reports the sum of a whole AMD package.
size_t cache_size() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  size_t kib = 0;
  return file >> kib ? kib << 10 : size_t{32} << 20;
}

/// Four times the cache of one processor and 64 MiB a thread (large CPUs have a cache for every few cores), but not above 1 GiB: the
/// first touch of a page takes longer than many reads of it, in a fresh virtual machine by far.
size_t buffer_size(int threads) {
  const size_t wanted = std::max(4 * cache_size(), static_cast<size_t>(threads) << 26);
  return std::clamp(wanted, size_t{128} << 20, size_t{1} << 30) >> 20 << 20;
}

/// Seconds that one pass over the buffer takes. The sum goes into `sink`, so that nobody optimises the reading away.
double time_pass(ThreadPool& pool, const Buffer& buffer, decltype(&sum_words) sum, std::atomic<uint64_t>& sink) {
  const auto start = std::chrono::steady_clock::now();
  pool.for_range(buffer.size(), size_t{1} << 20, [&](size_t begin, size_t end, int) { sink += sum(buffer.data() + begin, end - begin); });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double measure_bandwidth(int threads, double seconds) {
  threads = std::max(threads, 1);
  auto buffer = Buffer::allocate(buffer_size(threads));
  if (!buffer.ok()) return 0;
  ThreadPool pool(threads);
  // Written first: an untouched page is the one zero page, which lies in the cache.
  pool.for_range(buffer->size(), size_t{1} << 20,
                 [&](size_t begin, size_t end, int) { std::memset(buffer->data() + begin, 1, end - begin); });
  const auto sum = widest_sum();
  std::atomic<uint64_t> sink = 0;
  std::vector<double> times;
  for (double spent = 0; spent < seconds || times.size() < 3; spent += times.back()) times.push_back(time_pass(pool, *buffer, sum, sink));
  std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2), times.end());
  constexpr double kilobyte = 1e3;
  return std::round(static_cast<double>(buffer->size()) / times[times.size() / 2] / kilobyte) * kilobyte;
}

}  // namespace mxpath
