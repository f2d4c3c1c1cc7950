// What lies in a checkpoint's folder: its files, and every tensor in them by name.
#pragma once
#include <map>
#include <memory>
#include <optional>
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

/// Several files of a folder, taken together.
struct Inventory {
  std::string folder;
  std::vector<std::string> files;                                 ///< full paths
  std::vector<std::shared_ptr<const SafetensorsHeader>> headers;  ///< one for each file; owns the names below
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
inline constexpr std::string_view shard_index_name = "model.safetensors.index.json";
/// Errors: not JSON, no weight_map, a tensor twice, a shard name that is not a plain *.safetensors name, more than
/// most_tensors.
Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view where);

/// The weight files of one folder. A header is read when it is first asked for, and once.
class WeightFiles {
 public:
  /// `names`: list_folder's answer. Adapters and what no weights file is called are left out.
  WeightFiles(std::string folder, const std::vector<std::string>& names);

  const std::string& folder() const { return folder_; }
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const;
  std::string path_of(std::string_view name) const;
  /// Errors: of the header; headers so long that no model's files together have them, which is then the answer for
  /// every other file too.
  Result<std::shared_ptr<const SafetensorsHeader>> header(const std::string& name);

  /// All tensors of these files. Errors: of every header; a tensor that is in two of them.
  Result<Inventory> together(const std::vector<std::string>& names);
  /// The files that an index names, each tensor from the file for which it is named; other tensors in them are a
  /// remark. `stale` says, if the index and the files do not agree, how. Errors: of every header.
  Result<Inventory> by_index(const ShardIndex& index, std::string& stale);

 private:
  Result<Inventory> open(const std::vector<std::string>& names);

  std::string folder_;
  std::vector<std::string> names_;
  std::map<std::string, Result<std::shared_ptr<const SafetensorsHeader>>> read_;
  HeaderAllowance left_;       // for headers that were not read yet
  std::optional<Error> over_;  // the first header that held more
};

/// "a", "b", "c" and 3 more
std::string some_of(const std::vector<std::string>& names);

}  // namespace mxpath
