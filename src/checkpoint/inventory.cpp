#include "checkpoint/inventory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/mapped_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr std::string_view single_name = "model.safetensors", index_name = "model.safetensors.index.json";

bool contains(const std::vector<std::string>& names, std::string_view name) { return std::binary_search(names.begin(), names.end(), name); }

std::string join_path(const std::string& folder, std::string_view name) { return (std::filesystem::path(folder) / name).string(); }

Status read_headers(Inventory& inventory, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    inventory.files.push_back(join_path(inventory.folder, name));
    MXPATH_TRY(auto header, read_safetensors_header(inventory.files.back()));
    inventory.headers.push_back(std::move(header));
  }
  return {};
}

/// "a", "b" and 3 more
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t shown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i ? ", " : "") + printable(names[i]);
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

Status add_all_tensors(Inventory& inventory) {
  for (size_t file = 0; file < inventory.files.size(); ++file)
    for (const auto& entry : inventory.headers[file].entries) {
      const auto [place, fresh] = inventory.tensors.emplace(entry.name, StoredTensor{static_cast<int>(file), &entry});
      if (!fresh)
        return fail("{}: tensor {} is also in {}; keep one of the two files", inventory.files[file], printable(entry.name),
                    inventory.files[static_cast<size_t>(place->second.file)]);
    }
  return {};
}

/// Only the file that the map names counts for a tensor; the same name elsewhere is a remark.
Status add_mapped_tensors(Inventory& inventory, const ShardIndex& index, const std::vector<std::string>& shards) {
  std::vector<std::string> unmapped;
  for (size_t file = 0; file < shards.size(); ++file)
    for (const auto& entry : inventory.headers[file].entries) {
      const auto mapped = index.weight_map.find(entry.name);
      if (mapped != index.weight_map.end() && mapped->second == shards[file])
        inventory.tensors.emplace(entry.name, StoredTensor{static_cast<int>(file), &entry});
      else unmapped.push_back(entry.name);
    }
  for (const auto& [name, shard] : index.weight_map)
    if (!inventory.tensors.contains(name))
      return fail("{}: tensor {} is not in this file, though {} says so; download both again", join_path(inventory.folder, shard),
                  printable(name), index_name);
  if (!unmapped.empty())
    inventory.remarks.push_back(
        fmt::format("{} tensors are in a file for which the index does not name them: {}", unmapped.size(), some_of(unmapped)));
  return {};
}

Status check_shards_present(const Inventory& inventory, const std::vector<std::string>& shards, const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  for (const auto& shard : shards)
    if (!contains(names, shard)) missing.push_back(shard);
  if (missing.empty()) return {};
  return fail("{}: {} of {} weight files are missing: {}; repeat the download, it goes on where it stopped", inventory.folder,
              missing.size(), shards.size(), some_of(missing));
}

void check_total_size(Inventory& inventory, uint64_t promised) {
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : inventory.tensors) bytes += tensor.entry->end - tensor.entry->begin;
  if (promised && promised != bytes)
    inventory.remarks.push_back(fmt::format("the index promises {} bytes of tensors, but there are {}", promised, bytes));
}

Status read_through_index(Inventory& inventory, const ShardIndex& index, const std::vector<std::string>& names) {
  std::set<std::string> shard_set;
  for (const auto& [name, shard] : index.weight_map) shard_set.insert(shard);
  const std::vector<std::string> shards(shard_set.begin(), shard_set.end());
  MXPATH_CHECK(check_shards_present(inventory, shards, names));
  MXPATH_CHECK(read_headers(inventory, shards));
  MXPATH_CHECK(add_mapped_tensors(inventory, index, shards));
  check_total_size(inventory, index.total_size);
  return {};
}

Status read_without_index(Inventory& inventory, const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const auto& name : names)
    if (name.ends_with(".safetensors") && name.front() != '.') files.push_back(name);
  MXPATH_CHECK(read_headers(inventory, files));
  return add_all_tensors(inventory);
}

}  // namespace

Result<std::vector<std::string>> list_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  if (!error) return names;
  if (error == std::errc::no_such_file_or_directory) return fail("{}: no such folder", folder);
  if (error == std::errc::not_a_directory) return fail("{}: not a folder; give the folder that holds config.json and the weights", folder);
  if (error == std::errc::permission_denied) return fail("{}: no permission to look into this folder; check its owner and mode", folder);
  return fail("{}: cannot be listed: {}", folder, error.message());
}

Result<Inventory> take_inventory(const std::string& folder, const std::vector<std::string>& names) {
  Inventory inventory;
  inventory.folder = folder;
  if (!contains(names, index_name)) {
    MXPATH_CHECK(read_without_index(inventory, names));
    return inventory;
  }
  const std::string path = join_path(folder, index_name);
  MXPATH_TRY(const std::string text, read_text_file(path, size_t{64} << 20));
  MXPATH_TRY(const ShardIndex index, parse_shard_index(text, path));
  const bool stale =
      std::none_of(index.weight_map.begin(), index.weight_map.end(), [&](const auto& entry) { return contains(names, entry.second); });
  if (stale && contains(names, single_name)) {
    inventory.remarks.push_back(fmt::format("{} names only files that are not there; {} is read instead", index_name, single_name));
    MXPATH_CHECK(read_headers(inventory, {std::string(single_name)}));
    MXPATH_CHECK(add_all_tensors(inventory));
  } else {
    MXPATH_CHECK(read_through_index(inventory, index, names));
  }
  return inventory;
}

}  // namespace mxpath
