#include <emmintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "machine/machine.h"

namespace mxpath {
namespace {

constexpr size_t line = 64;
constexpr size_t streams = 2;  // read side by side; 2 of 1, 2, 4, 8 came closest to what 512-bit loads reach on a Zen 5 (37.5 of 37.7 GB/s)

/// The sum of all 64-bit words of one cache line, two lanes wide.
inline __m128i sum_line(const uint8_t* data) {
  const auto* p = reinterpret_cast<const __m128i*>(data);
  return _mm_add_epi64(_mm_add_epi64(_mm_load_si128(p), _mm_load_si128(p + 1)),
                       _mm_add_epi64(_mm_load_si128(p + 2), _mm_load_si128(p + 3)));
}

/// Reads [data, data + bytes); bytes a multiple of streams × line.
uint64_t sum_words(const uint8_t* data, size_t bytes) {
  const size_t stride = bytes / streams;
  __m128i sums[streams] = {};
  for (size_t i = 0; i < stride; i += line)
    for (size_t s = 0; s < streams; ++s) sums[s] = _mm_add_epi64(sums[s], sum_line(data + s * stride + i));
  const __m128i sum = _mm_add_epi64(sums[0], sums[1]);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(sum)) + static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(sum, sum)));
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

/// Seconds that one pass over the buffer takes.
double time_pass(ThreadPool& pool, const Buffer& buffer, std::atomic<uint64_t>& sink) {
  const auto start = std::chrono::steady_clock::now();
  pool.for_range(buffer.size(), size_t{1} << 20, [&](size_t begin, size_t end, int) {
    sink.fetch_add(sum_words(buffer.data() + begin, end - begin), std::memory_order_relaxed);
  });
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
  std::atomic<uint64_t> sink = 0;
  std::vector<double> times;
  for (double spent = 0; spent < seconds || times.size() < 3; spent += times.back()) times.push_back(time_pass(pool, *buffer, sink));
  std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2), times.end());
  constexpr double kilobyte = 1e3;
  return std::round(static_cast<double>(buffer->size()) / times[times.size() / 2] / kilobyte) * kilobyte;
}

}  // namespace mxpath
