// What lies in a checkpoint's folder: its files, and every tensor in them by name.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "checkpoint/safetensors.h"

namespace mxpath {

struct StoredTensor {
  int file = -1;  ///< index into Inventory::files
  const SafetensorsEntry* entry = nullptr;
  bool used = false;  ///< a role was found for it
};

struct Inventory {
  std::string folder;
  std::vector<std::string> files;          ///< full paths
  std::vector<SafetensorsHeader> headers;  ///< one a file; owns the names below
  std::unordered_map<std::string_view, StoredTensor> tensors;
  std::vector<std::string> remarks;
};

/// Names of a folder's entries, sorted. Errors: no such folder, not a folder, no permission.
Result<std::vector<std::string>> list_folder(const std::string& folder);

/// tensor → shard, as a model.safetensors.index.json says, and its total_size (0: not given).
struct ShardIndex {
  std::map<std::string, std::string, std::less<>> weight_map;
  uint64_t total_size = 0;
};
/// Errors: not JSON, no weight_map, a tensor twice, a shard name that is not a plain *.safetensors name.
Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view where);

/// Reads the headers of a folder's safetensors files, through the index where there is one. `names` is list_folder's answer.
/// Errors: of every header; missing shards; a tensor that is not in the shard that the index names, or is in two files.
Result<Inventory> take_inventory(const std::string& folder, const std::vector<std::string>& names);

}  // namespace mxpath
