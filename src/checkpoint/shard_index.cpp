#include <algorithm>

#include "base/text.h"
#include "checkpoint/inventory.h"
#include "checkpoint/json_events.h"

namespace mxpath {
namespace {

/// A shard must lie in the folder itself: a name with a slash could reach anywhere.
bool is_plain_safetensors_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

class IndexReader : public JsonEvents {
 public:
  ShardIndex index;
  bool has_map = false;

 private:
  bool on_open(bool object) override {
    if (depth_ == 1) return object || refuse("the index is not a JSON object");
    if (depth_ == 2) return object || section_ != "weight_map" || refuse("weight_map is not an object");
    return section_ != "weight_map" || refuse("weight_map must map tensor names to file names");
  }
  bool on_close() override { return true; }
  bool on_key(std::string& key) override {
    if (depth_ > 2) return true;
    if (depth_ == 2) return key_ = std::move(key), true;
    section_ = std::move(key);
    if (section_ != "weight_map") return true;
    if (has_map) return refuse("key \"weight_map\" appears twice");
    return has_map = true;
  }
  bool on_string(std::string& value) override {
    if (depth_ != 2 || section_ != "weight_map") return scalar();
    if (!is_plain_safetensors_name(value))
      return refuse(fmt::format("\"{}\" is not the name of a safetensors file in the same folder", printable(value)));
    if (index.weight_map.size() == most_tensors)
      return refuse(fmt::format("names more than {} tensors, which no gpt-oss model has", most_tensors));
    return index.weight_map.emplace(key_, value).second ||
           refuse(fmt::format("tensor \"{}\" appears twice", printable(key_)));
  }
  bool on_unsigned(uint64_t value) override {
    if (depth_ == 2 && section_ == "metadata" && key_ == "total_size") index.total_size = value;
    return scalar();
  }
  bool on_other(const std::string&) override { return scalar(); }
  bool scalar() {
    if (depth_ == 0) return refuse("the index is not a JSON object");
    return section_ != "weight_map" || refuse("weight_map must map tensor names to file names");
  }

  std::string section_, key_;
};

}  // namespace

Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view where) {
  IndexReader reader;
  MXPATH_CHECK(read_json_events(text, reader, where));
  if (!reader.has_map || reader.index.weight_map.empty())
    return fail("{}: it holds no weight_map, so the tensors cannot be found", where);
  return std::move(reader.index);
}

}  // namespace mxpath
