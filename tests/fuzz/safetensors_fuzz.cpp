// Any bytes as a safetensors file, and as the index of a sharded checkpoint: an answer or one sentence, never more.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/inventory.h"
#include "checkpoint/safetensors.h"

namespace {

/// What a reader may rely on once a header was accepted.
void check(const mxpath::SafetensorsHeader& header, uint64_t size) {
  uint64_t end = header.entries.empty() ? 0 : header.entries.front().begin;
  for (const auto& entry : header.entries) {
    if (entry.begin != end || entry.end < entry.begin || entry.end > size) std::abort();
    if (mxpath::bytes_of(entry.dtype, entry.shape) != entry.end - entry.begin) std::abort();
    end = entry.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto header = mxpath::parse_safetensors({data, size}, size, "fuzz");
  if (header.ok()) check(*header, size);
  if (!header.ok() && header.error().message.empty()) std::abort();
  const auto index = mxpath::parse_shard_index({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (index.ok() && index->weight_map.empty()) std::abort();
  return 0;
}
