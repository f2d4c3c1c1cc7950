#include "checkpoint/random_checkpoint.h"

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "checkpoint/random_weights.h"
#include "checkpoint/roles.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shard_names.h"
#include "checkpoint/write_config.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;
using Shape = std::vector<uint64_t>;

/// Collects the tensors of one checkpoint as items to write, sharing what the callbacks need.
class Composer {
 public:
  explicit Composer(const RandomCheckpoint& what) : what_(what) {}

  std::vector<SafetensorsItem> items() {
    for (const auto& place : roles_of(what_.config)) add(place);
    return std::move(items_);
  }

 private:
  bool original() const { return what_.layout == CheckpointLayout::openai_original; }

  void add(const RoleInLayer& place) {
    TensorRecord record = blank_record(place, what_.layout, what_.config);
    const RoleRow& row = *place.row;
    if (row.expert_matrix() && what_.layout != CheckpointLayout::hugging_face_bf16) return add_mxfp4(std::move(record));
    if (record.stored_rows != record.rows) return add_fused(std::move(record));
    record.transposed = row.expert_matrix();
    Shape shape;
    if (row.per_expert) shape.push_back(static_cast<uint64_t>(record.experts));
    shape.push_back(static_cast<uint64_t>(record.transposed ? record.columns : record.rows));
    if (row.columns != Extent::one)
      shape.push_back(static_cast<uint64_t>(record.transposed ? record.rows : record.columns));
    items_.push_back({record.name, Dtype::bf16, shape, values({record})});
  }

  void add_mxfp4(TensorRecord record) {
    record.encoding = Encoding::mxfp4_blocks;
    Shape shape = {static_cast<uint64_t>(record.experts), static_cast<uint64_t>(record.rows),
                   static_cast<uint64_t>(record.columns / mxfp4_block)};
    const std::string name = record.name;
    auto scales = [record, seed = what_.seed](const WriteBytes& write) {
      return write_random_scales(record, seed, write);
    };
    items_.push_back({name + std::string(scales_suffix(what_.layout)), Dtype::u8, shape, scales});
    shape.push_back(mxfp4_block_bytes);
    items_.push_back({name + std::string(blocks_suffix(what_.layout)), Dtype::u8, shape, values({record})});
  }

  /// q, k and v come one after the other; the stored tensor is complete when its last part arrives.
  void add_fused(TensorRecord record) {
    auto& parts = row_of(record.role).columns == Extent::one ? bias_parts_ : weight_parts_;
    parts.push_back(record);
    if (record.first_row + record.rows < record.stored_rows) return;
    Shape shape = {static_cast<uint64_t>(record.stored_rows)};
    if (row_of(record.role).columns != Extent::one) shape.push_back(static_cast<uint64_t>(record.columns));
    items_.push_back({record.name, Dtype::bf16, shape, values(std::exchange(parts, {}))});
  }

  std::function<Status(const WriteBytes&)> values(std::vector<TensorRecord> parts) const {
    return [parts = std::move(parts), seed = what_.seed](const WriteBytes& write) -> Status {
      for (const auto& part : parts) MXPATH_CHECK(write_random_values(part, seed, write));
      return {};
    };
  }

  const RandomCheckpoint& what_;
  std::vector<SafetensorsItem> items_;
  std::vector<TensorRecord> weight_parts_, bias_parts_;
};

uint64_t size_of(const SafetensorsItem& item) { return bytes_of(item.dtype, item.shape).value_or(0); }

/// Indices at which a new file starts, and the end.
std::vector<size_t> cuts_of(const std::vector<SafetensorsItem>& items, uint64_t shard_bytes) {
  std::vector<uint64_t> sizes;
  for (const auto& item : items) sizes.push_back(size_of(item));
  return cut_into_shards(sizes, shard_bytes);
}

Status write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? Status() : fail("{}: cannot be written", path.string());
}

/// What one shard after the other shares: how far it is, and which file each tensor went to.
struct Written {
  uint64_t done = 0, total = 0;
  std::map<std::string, std::string> weight_map;
};

/// Without weights for headers alone; otherwise tells the progress after each tensor.
SafetensorsItem finished_item(SafetensorsItem item, const RandomCheckpoint& what, Written& written) {
  if (what.headers_only) item.data = nullptr;
  if (!what.progress || !item.data) return item;
  item.data = [inner = std::move(item.data), bytes = size_of(item), &what,
               &written](const WriteBytes& write) -> Status {
    MXPATH_CHECK(inner(write));
    what.progress("writing random weights", written.done += bytes, written.total);
    return {};
  };
  return item;
}

Status write_shards(const fs::path& folder, const RandomCheckpoint& what, const std::vector<SafetensorsItem>& items) {
  const auto cuts = cuts_of(items, what.shard_bytes);
  const size_t shards = cuts.size() - 1;
  Written written;
  for (const auto& item : items) written.total += size_of(item);
  for (size_t shard = 0; shard < shards; ++shard) {
    const std::string name = shard_name(shard, shards, what.layout);
    std::vector<SafetensorsItem> part;
    for (size_t i = cuts[shard]; i < cuts[shard + 1]; ++i) {
      written.weight_map[items[i].name] = name;
      part.push_back(finished_item(items[i], what, written));
    }
    MXPATH_CHECK(write_safetensors((folder / name).string(), part, {{"format", "pt"}}));
  }
  // OpenAI's own loader takes every file of the folder and has no index; an index of an earlier model would mislead.
  const fs::path index = folder / "model.safetensors.index.json";
  std::error_code ignored;
  if (shards == 1 || what.layout == CheckpointLayout::openai_original) return fs::remove(index, ignored), Status();
  return write_text(index, shard_index_json(written.weight_map, written.total));
}

ModelConfig alternating(ModelConfig config) {
  config.sliding.resize(static_cast<size_t>(config.layers));
  for (size_t i = 0; i < config.sliding.size(); ++i) config.sliding[i] = i % 2 == 0;
  config.quantized_mxfp4 = true;
  return config;
}

}  // namespace

Status write_random_checkpoint(const std::string& folder, const RandomCheckpoint& what) {
  ModelConfig config = what.config;
  config.quantized_mxfp4 = what.layout != CheckpointLayout::hugging_face_bf16;
  if (config.quantized_mxfp4 && (config.hidden % mxfp4_block || config.intermediate % mxfp4_block))
    return wrong_use("hidden {} and intermediate {} must be multiples of {} for MXFP4; choose the hf-bf16 layout",
                     config.hidden, config.intermediate, mxfp4_block);
  std::string text = hub_config_json(config);
  if (what.layout == CheckpointLayout::openai_original) {
    MXPATH_TRY(text, original_config_json(config));
  }
  MXPATH_CHECK(parse_config(text, "the config to write"));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("{}: the folder cannot be created: {}", folder, error.message());
  MXPATH_CHECK(write_text(fs::path(folder) / "config.json", text));
  return write_shards(folder, what, Composer(what).items());
}

ModelConfig gpt_oss_20b_config() {
  ModelConfig config;
  config.layers = 24, config.experts = 32, config.experts_per_token = 4;
  config.hidden = config.intermediate = 2880;
  config.heads = 64, config.kv_heads = 8, config.head_dim = 64;
  config.vocab = 201088;
  config.eos = {200002}, config.pad = 199999;
  return alternating(config);
}

ModelConfig gpt_oss_120b_config() {
  ModelConfig config = gpt_oss_20b_config();
  config.layers = 36, config.experts = 128;
  return alternating(config);
}

ModelConfig tiny_config() {
  ModelConfig config;
  config.layers = 2, config.experts = 4, config.experts_per_token = 2;
  config.hidden = 64, config.intermediate = 96;
  config.heads = 4, config.kv_heads = 2, config.head_dim = 16;
  config.vocab = 512, config.sliding_window = 8;
  return alternating(config);
}

}  // namespace mxpath
