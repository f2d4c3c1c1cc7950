#include "checkpoint/inventory.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "checkpoint/folder_signs.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> shards_of(const ShardIndex& index) {
  std::set<std::string_view> shards;
  for (const auto& [name, shard] : index.weight_map) shards.insert(shard);
  return {shards.begin(), shards.end()};
}

void check_total_size(Inventory& inventory, uint64_t promised) {
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : inventory.tensors) bytes += tensor.entry->end - tensor.entry->begin;
  if (promised && promised != bytes)
    inventory.remarks.push_back(
        fmt::format("the index promises {} bytes of tensors, but there are {}", promised, bytes));
}

void note_unmapped(Inventory& inventory, const std::vector<std::string>& unmapped) {
  if (unmapped.empty()) return;
  inventory.remarks.push_back(fmt::format("{} in a file for which the index does not name {}: {}",
                                          plural(unmapped.size(), "tensor is", "tensors are"),
                                          unmapped.size() == 1 ? "it" : "them", some_of(unmapped)));
}

}  // namespace

std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t shown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i ? ", " : "") + printable(names[i]);
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

WeightFiles::WeightFiles(std::string folder, const std::vector<std::string>& names) : folder_(std::move(folder)) {
  for (const auto& name : names)
    if (is_weights_name(name) && name != shard_index_name) names_.push_back(name);
}

bool WeightFiles::contains(std::string_view name) const {
  return std::binary_search(names_.begin(), names_.end(), name);
}
std::string WeightFiles::path_of(std::string_view name) const { return (fs::path(folder_) / name).string(); }

Result<std::shared_ptr<const SafetensorsHeader>> WeightFiles::header(const std::string& name) {
  if (const auto known = read_.find(name); known != read_.end()) return known->second;
  if (over_) return *over_;
  auto header = read_safetensors_header(path_of(name), &left_);
  if (left_.used_up)
    over_ = read_.empty() ? header.error()
                          : fail(
                                "{}: its weight files together name more than {} tensors or have headers of more than "
                                "{} bytes, as no gpt-oss "
                                "model has; give a folder that holds the model alone",
                                printable(folder_, 1024), most_tensors, safetensors_header_limit);
  if (over_) return *over_;
  Result<std::shared_ptr<const SafetensorsHeader>> read =
      header.ok() ? Result(std::make_shared<const SafetensorsHeader>(std::move(*header))) : std::move(header).error();
  return read_.emplace(name, std::move(read)).first->second;
}

Result<Inventory> WeightFiles::open(const std::vector<std::string>& names) {
  Inventory inventory;
  inventory.folder = folder_;
  for (const auto& name : names) {
    MXPATH_TRY(auto header, this->header(name));
    inventory.files.push_back(path_of(name));
    inventory.headers.push_back(std::move(header));
  }
  return inventory;
}

Result<Inventory> WeightFiles::together(const std::vector<std::string>& names) {
  MXPATH_TRY(Inventory inventory, open(names));
  for (size_t file = 0; file < inventory.files.size(); ++file)
    for (const auto& entry : inventory.headers[file]->entries) {
      const auto [place, fresh] = inventory.tensors.emplace(entry.name, StoredTensor{static_cast<int>(file), &entry});
      if (!fresh)
        return fail("{}: tensor {} is also in {}; keep one of the two files", printable(inventory.files[file], 1024),
                    printable(entry.name), printable(inventory.files[static_cast<size_t>(place->second.file)], 1024));
    }
  return inventory;
}

Result<Inventory> WeightFiles::by_index(const ShardIndex& index, std::string& stale) {
  const std::vector<std::string> shards = shards_of(index);
  std::vector<std::string> missing, unmapped;
  std::copy_if(shards.begin(), shards.end(), std::back_inserter(missing),
               [&](const std::string& shard) { return !contains(shard); });
  if (!missing.empty())
    return stale = fmt::format("names {} not there ({})", plural(missing.size(), "file that is", "files that are"),
                               some_of(missing)),
           Inventory{};
  MXPATH_TRY(Inventory inventory, open(shards));
  for (size_t file = 0; file < shards.size(); ++file)
    for (const auto& entry : inventory.headers[file]->entries) {
      const auto mapped = index.weight_map.find(entry.name);
      if (mapped != index.weight_map.end() && mapped->second == shards[file])
        inventory.tensors.emplace(entry.name, StoredTensor{static_cast<int>(file), &entry});
      else unmapped.push_back(entry.name);
    }
  for (const auto& [name, shard] : index.weight_map)
    if (!inventory.tensors.contains(name) && stale.empty())
      stale = fmt::format("says that tensor {} is in {}, where it is not", printable(name), printable(shard));
  note_unmapped(inventory, unmapped);
  if (stale.empty()) check_total_size(inventory, index.total_size);
  return inventory;
}

Result<std::vector<std::string>> list_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  if (!error) return names;
  const std::string shown = printable(folder, 1024);
  if (error == std::errc::no_such_file_or_directory) return fail("{}: no such folder", shown);
  if (error == std::errc::not_a_directory)
    return fail("{}: not a folder; give the folder that holds config.json and the weights", shown);
  if (error == std::errc::permission_denied)
    return fail("{}: no permission to look into this folder; check its owner and mode", shown);
  return fail("{}: cannot be listed: {}", shown, error.message());
}

}  // namespace mxpath
