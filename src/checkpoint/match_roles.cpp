#include "checkpoint/match_roles.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/foreign_formats.h"
#include "checkpoint/roles.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

using Shape = std::vector<uint64_t>;

std::optional<Encoding> plain_encoding(Dtype dtype) {
  switch (dtype) {
    case Dtype::bf16: return Encoding::bf16;
    case Dtype::f16: return Encoding::f16;
    case Dtype::f32: return Encoding::f32;
    default: return std::nullopt;
  }
}

class Matcher {
 public:
  Matcher(Inventory inventory, ModelConfig config) : inventory_(std::move(inventory)) {
    manifest_.config = std::move(config);
  }
  bool lacking() const { return lacking_; }

  Result<Manifest> run() {
    MXPATH_CHECK(find_layout());
    believe_the_head();
    for (const auto& place : roles_of(manifest_.config)) MXPATH_CHECK(match(place));
    MXPATH_CHECK(check_layers());
    note_unused();
    note_quantization();
    manifest_.path = inventory_.folder;
    manifest_.files = std::move(inventory_.files);
    return std::move(manifest_);
  }

 private:
  StoredTensor* find(std::string_view name) {
    const auto found = inventory_.tensors.find(name);
    return found == inventory_.tensors.end() ? nullptr : &found->second;
  }
  std::string folder() const { return printable(inventory_.folder, 1024); }
  std::string file_of(const StoredTensor& tensor) const {
    return printable(inventory_.files[static_cast<size_t>(tensor.file)], 1024);
  }
  ModelConfig& config() { return manifest_.config; }

  Status find_layout() {
    bool hub = false, original = false, blocks = false;
    if (const auto foreign = foreign_headers(inventory_)) return fail("{}: {}", folder(), *foreign);
    for (const auto& [name, tensor] : inventory_.tensors) {
      hub |= name.starts_with("model.layers.") || name == "model.embed_tokens.weight";
      original |= name.starts_with("block.") || name == "embedding.weight";
      blocks |= name.ends_with("_blocks");
    }
    lacking_ = !hub && !original;
    if (hub == original)
      return fail("{}: {}; give the folder of one gpt-oss model", folder(),
                  hub ? "it contains tensors of both the Hugging Face and the OpenAI layout"
                      : "none of its tensors is named as in a gpt-oss model");
    manifest_.layout = original ? CheckpointLayout::openai_original
                       : blocks ? CheckpointLayout::hugging_face_mxfp4
                                : CheckpointLayout::hugging_face_bf16;
    return {};
  }

  /// A head that lies beside tied embeddings is the head, as for transformers 5 where its numbers differ from the
  /// embedding's; where they are the same it does no harm, since a head is packed apart from the embedding anyway. So
  /// nothing need be compared.
  void believe_the_head() {
    const std::string name = stored_name(row_of(Role::head), manifest_.layout, -1);
    if (!config().tied_embeddings || !find(name)) return;
    config().tied_embeddings = false;
    manifest_.decisions.push_back(fmt::format(
        "config.json ties the head to the embedding, but the weights hold a head of their own ({}), which is used",
        name));
  }

  Status match(const RoleInLayer& place) {
    TensorRecord record = blank_record(place, manifest_.layout, config());
    StoredTensor* blocks =
        place.row->expert_matrix() ? find(record.name + std::string(blocks_suffix(manifest_.layout))) : nullptr;
    StoredTensor* plain = find(record.name);
    if (blocks && plain)
      return fail("{}: tensor {} is there twice, as MXFP4 blocks and as plain numbers; keep the one that is meant",
                  file_of(*plain), record.name);
    if (blocks) MXPATH_CHECK(match_mxfp4(record, *blocks));
    else if (plain) MXPATH_CHECK(match_plain(record, *plain));
    else
      return missing(
          record.name + std::string(place.row->expert_matrix() && has_blocks() ? blocks_suffix(manifest_.layout) : ""),
          record);
    manifest_.tensors.push_back(std::move(record));
    return {};
  }

  bool was_downloaded() const {
    const auto names = list_folder(inventory_.folder);
    return names.ok() && mxpath::was_downloaded(inventory_.folder, *names);
  }
  bool has_blocks() const { return manifest_.layout != CheckpointLayout::hugging_face_bf16; }

  Error missing(const std::string& name, const TensorRecord& record) {
    lacking_ = true;
    const auto hint = record.role == Role::head ? "config.json does not say tie_word_embeddings, so it must be there"
                      : was_downloaded()        ? "download the checkpoint again"
                                                : "take the whole model, or the config.json that belongs to it";
    return fail("{}: tensor {} ({}) is missing from its {} weight file{}; {}", folder(), name, name_of(record.role),
                inventory_.files.size(), inventory_.files.size() == 1 ? "" : "s", hint);
  }

  Status match_plain(TensorRecord& record, StoredTensor& tensor) {
    const auto encoding = plain_encoding(tensor.entry->dtype);
    if (!encoding) return wrong_dtype(tensor, "BF16, F16 or F32");
    record.encoding = *encoding;
    const bool matrix = row_of(record.role).columns != Extent::one;
    // transformers keeps unquantised experts as [experts, in, out]; OpenAI's code as [experts, out, in].
    record.transposed = row_of(record.role).expert_matrix() && manifest_.layout != CheckpointLayout::openai_original;
    Shape shape;
    if (row_of(record.role).per_expert) shape.push_back(static_cast<uint64_t>(record.experts));
    shape.push_back(static_cast<uint64_t>(record.transposed ? record.columns : record.stored_rows));
    if (matrix) shape.push_back(static_cast<uint64_t>(record.transposed ? record.rows : record.columns));
    return take(tensor, shape, record.data);
  }

  Status match_mxfp4(TensorRecord& record, StoredTensor& blocks) {
    const std::string scales_name = record.name + std::string(scales_suffix(manifest_.layout));
    StoredTensor* scales = find(scales_name);
    if (!scales) return missing(scales_name, record);
    record.name = blocks.entry->name;
    record.encoding = Encoding::mxfp4_blocks;
    if (blocks.entry->dtype != Dtype::u8) return wrong_dtype(blocks, "U8");
    if (scales->entry->dtype != Dtype::u8) return wrong_dtype(*scales, "U8");
    if (record.columns % mxfp4_block)
      return fail("{}: tensor {} is MXFP4, but its rows of {} elements by config.json are no multiple of {}",
                  file_of(blocks), record.name, record.columns, mxfp4_block);
    Shape shape = {static_cast<uint64_t>(record.experts), static_cast<uint64_t>(record.rows),
                   static_cast<uint64_t>(record.columns / mxfp4_block)};
    MXPATH_CHECK(take(*scales, shape, record.scales));
    shape.push_back(mxfp4_block_bytes);
    return take(blocks, shape, record.data);
  }

  Status take(StoredTensor& tensor, const Shape& shape, FilePart& part) {
    const SafetensorsEntry& entry = *tensor.entry;
    if (entry.shape != shape)
      return fail("{}: tensor {} has the shape {}, but config.json makes it {}; the two are not of the same model",
                  file_of(tensor), printable(entry.name), shape_text(entry.shape), shape_text(shape));
    tensor.used = true;
    part = {tensor.file, entry.begin, entry.end - entry.begin};
    return {};
  }

  Error wrong_dtype(const StoredTensor& tensor, std::string_view wanted) const {
    return fail("{}: tensor {} has the dtype {}, but must be {}", file_of(tensor), printable(tensor.entry->name),
                name_of(tensor.entry->dtype), wanted);
  }

  /// A file with more layers than the config would run, and answer nonsense.
  Status check_layers() {
    const std::string_view prefix = manifest_.layout == CheckpointLayout::openai_original ? "block." : "model.layers.";
    for (const auto& [name, tensor] : inventory_.tensors) {
      int layer = 0;
      if (!name.starts_with(prefix)) continue;
      const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
      if (error == std::errc{} && layer >= config().layers)
        return fail("{}: tensor {} belongs to layer {}, but config.json says there are {} layers", file_of(tensor),
                    printable(name), layer, config().layers);
    }
    return {};
  }

  void note_unused() {
    std::vector<std::string_view> unused;
    for (const auto& [name, tensor] : inventory_.tensors)
      if (!tensor.used) unused.push_back(name);
    manifest_.remarks = std::move(inventory_.remarks);
    if (unused.empty()) return;
    const auto first = *std::min_element(unused.begin(), unused.end());
    manifest_.remarks.push_back(
        unused.size() == 1 ? fmt::format("tensor {} is not used", printable(first))
                           : fmt::format("{} tensors are not used, the first is {}", unused.size(), printable(first)));
  }

  /// What the tensors are wins over what the config says of them.
  void note_quantization() {
    const auto experts = [&](bool mxfp4) {
      return std::count_if(manifest_.tensors.begin(), manifest_.tensors.end(), [&](const TensorRecord& t) {
        return row_of(t.role).expert_matrix() && (t.encoding == Encoding::mxfp4_blocks) == mxfp4;
      });
    };
    const bool is_mxfp4 = experts(true) > 0;
    if (is_mxfp4 && experts(false) > 0)
      manifest_.remarks.push_back(
          fmt::format("{} expert matrices are MXFP4 and {} are not", experts(true), experts(false)));
    if (is_mxfp4 != config().quantized_mxfp4)
      manifest_.remarks.push_back(is_mxfp4 ? "config.json does not mention MXFP4, but the experts are stored so"
                                           : "config.json says MXFP4, but the experts are stored unquantised");
    config().quantized_mxfp4 = is_mxfp4;
  }

  Inventory inventory_;
  Manifest manifest_;
  bool lacking_ = false;
};

}  // namespace

Result<Manifest> match_roles(Inventory inventory, ModelConfig config, bool* lacking) {
  Matcher matcher(std::move(inventory), std::move(config));
  auto manifest = matcher.run();
  if (lacking) *lacking = matcher.lacking();
  return manifest;
}

}  // namespace mxpath
