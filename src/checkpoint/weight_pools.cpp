#include "checkpoint/weight_pools.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/random.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// Eight random bytes become weights by keeping some bits and setting others.
struct Pool {
  std::string_view name;
  uint64_t keep, add;
};

constexpr uint64_t halves = 0x0001000100010001, bytes = 0x0101010101010101;
enum : int { matrices, norms, codes, scales, pool_count };
constexpr std::array<Pool, pool_count> pools = {{
    {"random matrices", 0x81ff * halves, 0x3b80 * halves},  // sign, seven bits of mantissa, four exponents from 2^-8
    {"random norms", 0x001f * halves, 0x3f80 * halves},     // 1 + five bits of mantissa
    {"random MXFP4 codes", ~uint64_t{0}, 0},
    {"random MXFP4 scales", 0x03 * bytes, 118 * bytes},
}};

constexpr size_t piece_bytes =
    size_t{1} << 20;  // one random stream each, so that the bytes do not depend on the threads
constexpr uint64_t alignment = 64;
// Room for tensors as large as the pool to begin at different places.
constexpr uint64_t slack = uint64_t{1} << 18;

int pool_of(const TensorRecord& record) {
  if (record.encoding == Encoding::mxfp4_blocks) return codes;
  const bool norm =
      record.role == Role::attention_norm || record.role == Role::mlp_norm || record.role == Role::final_norm;
  return norm ? norms : matrices;
}

using Sizes = std::array<uint64_t, pool_count>;

Sizes sizes_of(const Manifest& promise) {
  Sizes sizes{};
  for (const TensorRecord& record : promise.tensors) {
    uint64_t& data = sizes[static_cast<size_t>(pool_of(record))];
    data = std::max(data, record.data.bytes);
    sizes[scales] = std::max(sizes[scales], record.scales.bytes);
  }
  for (uint64_t& size : sizes)
    if (size > 0) size = (size + slack + alignment - 1) / alignment * alignment;
  return sizes;
}

void fill_piece(const Pool& pool, Random random, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); i += 8) {
    const uint64_t word = (random.next() & pool.keep) + pool.add;
    std::memcpy(out.data() + i, &word, 8);  // pools are multiples of 64 bytes long
  }
}

void fill(const Pool& pool, uint64_t seed, std::span<uint8_t> out, ThreadPool& threads) {
  const size_t pieces = (out.size() + piece_bytes - 1) / piece_bytes;
  threads.for_range(pieces, 1, [&](size_t begin, size_t end, int) {
    for (size_t piece = begin; piece < end; ++piece) {
      const size_t first = piece * piece_bytes;
      fill_piece(pool, Random(Random(seed + piece).next()),
                 out.subspan(first, std::min(piece_bytes, out.size() - first)));
    }
  });
}

/// Somewhere in its pool.
void put(FilePart& part, int pool, uint64_t pool_bytes, Random& random) {
  if (part.bytes == 0) return;
  const uint64_t places = (pool_bytes - part.bytes) / alignment + 1;
  part.file = pool;
  part.offset = random.next() % places * alignment;
}

}  // namespace

uint64_t weight_pool_bytes(const Manifest& promise) {
  uint64_t sum = 0;
  for (const uint64_t size : sizes_of(promise)) sum += size;
  return sum;
}

Result<Checkpoint> random_weights_in_memory(Manifest promise, uint64_t seed, ThreadPool& threads,
                                            const Progress& progress) {
  const Sizes sizes = sizes_of(promise);
  const uint64_t total = weight_pool_bytes(promise);
  Random random(seed);
  for (TensorRecord& record : promise.tensors) {
    const int pool = pool_of(record);
    put(record.data, pool, sizes[static_cast<size_t>(pool)], random);
    put(record.scales, scales, sizes[scales], random);
  }
  std::vector<Buffer> memory;
  uint64_t done = 0;
  promise.files.clear();
  for (size_t i = 0; i < pool_count; ++i) {
    MXPATH_TRY(Buffer buffer, Buffer::allocate(sizes[i]));
    fill(pools[i], random.next(), buffer.bytes(), threads);
    memory.push_back(std::move(buffer));
    promise.files.emplace_back(pools[i].name);
    if (progress) progress("making random weights", done += sizes[i], total);
  }
  promise.header_only = false;
  return Checkpoint::in_memory(std::move(promise), std::move(memory));
}

}  // namespace mxpath
