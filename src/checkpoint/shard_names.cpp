#include "checkpoint/shard_names.h"

#include "base/json.h"
#include "base/text.h"

namespace mxpath {

std::vector<size_t> cut_into_shards(std::span<const uint64_t> sizes, uint64_t shard_bytes) {
  std::vector<size_t> cuts = {0};
  uint64_t bytes = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (bytes > 0 && bytes + sizes[i] > shard_bytes) cuts.push_back(i), bytes = 0;
    bytes += sizes[i];
  }
  cuts.push_back(sizes.size());
  return cuts;
}

std::string shard_name(size_t shard, size_t shards, CheckpointLayout layout) {
  if (shards == 1) return "model.safetensors";
  return fmt::format("model-{}{:05}-of-{:05}.safetensors", layout == CheckpointLayout::openai_original ? "-" : "",
                     shard + 1, shards);
}

std::string shard_index_json(const std::map<std::string, std::string>& weight_map, uint64_t total_size) {
  return Json{{"metadata", {{"total_size", total_size}}}, {"weight_map", weight_map}}.dump(2) + "\n";
}

}  // namespace mxpath
