#include "kernels/device_copies.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr size_t line = 256, guard_bytes = 256, least_chunk = size_t{8} << 20;
constexpr uint8_t guard = 0xa5;

size_t up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

DeviceCopies::Chunk* DeviceCopies::chunk_for(size_t bytes) {
  for (Chunk& chunk : chunks_)
    if (chunk.sent.size() - chunk.used >= bytes) return &chunk;
  const size_t size = std::max(up(bytes, line), least_chunk);
  auto memory = Memory::allocate(device_, size);
  if (!memory.ok()) {
    if (status_.ok()) status_ = std::move(memory).error();
    return nullptr;
  }
  chunks_.push_back({std::move(memory).value(), std::vector<uint8_t>(size), std::vector<uint8_t>(size), 0});
  return &chunks_.back();
}

uint8_t* DeviceCopies::put(const char* what, const void* content, size_t bytes) {
  if (!content) return nullptr;
  Chunk* chunk = chunk_for(bytes + 2 * guard_bytes + 2 * line);
  if (!chunk) return nullptr;
  // As far from a line as the original: kernels choose wide loads by that.
  const size_t start = up(chunk->used + guard_bytes, line) + reinterpret_cast<uintptr_t>(content) % 64,
               end = start + bytes;
  uint8_t* host = chunk->sent.data();
  std::fill(host + chunk->used, host + end + guard_bytes, guard);
  std::memcpy(host + start, content, bytes);
  regions_.push_back({what, static_cast<size_t>(chunk - chunks_.data()), chunk->used, start, bytes});
  chunk->used = end + guard_bytes;
  return chunk->device.data() + start;
}

void* DeviceCopies::scratch(size_t bytes) {
  const std::vector<uint8_t> ones(bytes + 64, 0xff);
  return put("the scratch", ones.data() + (64 - reinterpret_cast<uintptr_t>(ones.data()) % 64) % 64, bytes);
}

const PackedMatrix* DeviceCopies::matrix(const PackedMatrix& host) {
  PackedMatrix& matrix = matrices_.emplace_back(host);
  matrix.data = in(host.data, host.experts * host.expert_bytes());
  matrix.scales = in(host.scales, host.experts * host.expert_scale_bytes());
  return &matrix;
}

Status DeviceCopies::send(Stream& stream) {
  MXPATH_CHECK(status_);
  for (const Chunk& chunk : chunks_)
    if (chunk.used > 0) MXPATH_CHECK(stream.copy_in(chunk.device.data(), chunk.sent.data(), chunk.used));
  return {};
}

Status DeviceCopies::check(const Region& region) const {
  const Chunk& chunk = chunks_[region.chunk];
  const auto changed = [&](size_t from, size_t bytes) {
    return std::memcmp(chunk.sent.data() + from, chunk.back.data() + from, bytes) != 0;
  };
  const size_t end = region.start + region.bytes;
  if (changed(region.guarded_from, region.start - region.guarded_from))
    return fail("CUDA: the kernel wrote before the start of {} of {} bytes", region.what, region.bytes);
  if (changed(end, guard_bytes))
    return fail("CUDA: the kernel wrote past the end of {} of {} bytes", region.what, region.bytes);
  if (!region.may_change && changed(region.start, region.bytes))
    return fail("CUDA: the kernel wrote into {} of {} bytes", region.what, region.bytes);
  return {};
}

Status DeviceCopies::fetch(Stream& stream) {
  MXPATH_CHECK(stream.wait());
  for (Chunk& chunk : chunks_)
    if (chunk.used > 0) MXPATH_CHECK(stream.copy_out(chunk.back.data(), chunk.device.data(), chunk.used));
  Status status;
  for (const Region& region : regions_) {
    if (status.ok()) status = check(region);
    if (region.output) std::memcpy(region.output, chunks_[region.chunk].back.data() + region.start, region.bytes);
  }
  return status;
}

void DeviceCopies::clear() {
  for (Chunk& chunk : chunks_) chunk.used = 0;
  regions_.clear(), matrices_.clear();
  status_ = {};
}

}  // namespace mxpath
