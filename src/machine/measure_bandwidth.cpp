#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "machine/probe.h"
#include "machine/sum_words/sum_words.h"

namespace mxpath {
namespace {

constexpr size_t grain = size_t{1} << 20;
constexpr size_t least_passes = 3, wanted_passes = 5;
constexpr double choosing_seconds = 0.15;
constexpr double patience =
    2;  // times as long as asked for is spent on the wanted passes; a busy machine gets the least

SumWords widest_sum() {
  const CpuFeatures features = probe_cpu().features;
  return features.has(CpuFeature::avx512) ? sum_words_avx512
         : features.has(CpuFeature::avx2) ? sum_words_avx2
                                          : sum_words_portable;
}

/// Bytes of the last-level cache that the first processor sees; sysconf is no help, it reports the sum of a whole AMD
/// package.
size_t cache_size() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  size_t kib = 0;
  return file >> kib ? kib << 10 : size_t{32} << 20;
}

/// Four times the cache of one processor and 64 MiB per thread (large CPUs have a cache for every few cores), but not
/// above 1 GiB: the first touch of a page takes longer than many reads of it, in a fresh virtual machine by far.
size_t buffer_size(int threads) {
  const size_t wanted = std::max(4 * cache_size(), static_cast<size_t>(threads) << 26);
  return std::clamp(wanted, size_t{128} << 20, size_t{1} << 30) / grain * grain;
}

/// A buffer in huge pages that threads read from end to end.
struct Reader {
  ThreadPool& pool;
  const Buffer& buffer;
  SumWords sum = widest_sum();
  std::atomic<uint64_t> sink = 0;  // takes the sums, so that nobody optimises the reading away

  double pass(Reading how) {
    const auto start = std::chrono::steady_clock::now();
    pool.for_range(buffer.size(), grain,
                   [&](size_t begin, size_t end, int) { sink += sum(buffer.data() + begin, end - begin, how); });
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  /// The way of reading that is fastest here, each tried as often as there is time, in turns. A busy machine tries only
  /// the first ones.
  Reading fastest() {
    double best[std::size(readings)], spent = 0;
    std::ranges::fill(best, std::numeric_limits<double>::infinity());
    for (size_t i = 0; spent < choosing_seconds; i = (i + 1) % std::size(readings)) {
      const double seconds = pass(readings[i]);
      best[i] = std::min(best[i], seconds), spent += seconds;
    }
    return readings[std::ranges::min_element(best) - best];
  }

  /// Seconds of each pass, the fastest first.
  std::vector<double> passes(Reading how, double seconds) {
    std::vector<double> times;
    double spent = 0;
    const auto too_few = [&] {
      return times.size() < least_passes || spent < seconds ||
             (times.size() < wanted_passes && spent < patience * seconds);
    };
    for (; too_few(); spent += times.back()) times.push_back(pass(how));
    std::ranges::sort(times);
    return times;
  }
};

}  // namespace

BandwidthReading measure_bandwidth(int threads, double seconds) {
  threads = std::max(threads, 1);
  auto buffer = Buffer::allocate(buffer_size(threads));
  if (!buffer.ok()) return {};
  ThreadPool pool(threads);
  // Written first: an untouched page is the one zero page, which lies in the cache.
  pool.for_range(buffer->size(), grain,
                 [&](size_t begin, size_t end, int) { std::memset(buffer->data() + begin, 1, end - begin); });
  Reader reader{pool, *buffer};
  const std::vector<double> times = reader.passes(reader.fastest(), seconds);
  const auto at = [&](double share) {
    return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1) + 0.5)];
  };
  constexpr double kilobyte = 1e3;
  return {std::round(static_cast<double>(buffer->size()) / at(0.5) / kilobyte) * kilobyte,
          (at(0.75) - at(0.25)) / at(0.5)};
}

}  // namespace mxpath
