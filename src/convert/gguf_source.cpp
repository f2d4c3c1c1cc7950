#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "checkpoint/gguf.h"
#include "checkpoint/roles.h"
#include "convert/gguf_config.h"
#include "convert/source.h"
#include "convert/source_file.h"

namespace mxpath::convert {
namespace {

/// Names of a role in llama.cpp's and in Ollama's files; {} is the layer.
struct GgufName {
  Role role;
  std::string_view name, other = "";
};

constexpr std::array gguf_names = {
    GgufName{Role::embedding, "token_embd.weight"},
    GgufName{Role::final_norm, "output_norm.weight"},
    GgufName{Role::head, "output.weight"},
    GgufName{Role::attention_norm, "blk.{}.attn_norm.weight"},
    GgufName{Role::q_weight, "blk.{}.attn_q.weight"},
    GgufName{Role::q_bias, "blk.{}.attn_q.bias"},
    GgufName{Role::k_weight, "blk.{}.attn_k.weight"},
    GgufName{Role::k_bias, "blk.{}.attn_k.bias"},
    GgufName{Role::v_weight, "blk.{}.attn_v.weight"},
    GgufName{Role::v_bias, "blk.{}.attn_v.bias"},
    GgufName{Role::o_weight, "blk.{}.attn_output.weight", "blk.{}.attn_out.weight"},
    GgufName{Role::o_bias, "blk.{}.attn_output.bias", "blk.{}.attn_out.bias"},
    GgufName{Role::sinks, "blk.{}.attn_sinks.weight", "blk.{}.attn_sinks"},
    GgufName{Role::mlp_norm, "blk.{}.post_attention_norm.weight", "blk.{}.ffn_norm.weight"},
    GgufName{Role::router_weight, "blk.{}.ffn_gate_inp.weight"},
    GgufName{Role::router_bias, "blk.{}.ffn_gate_inp.bias"},
    GgufName{Role::gate_up_weight, "blk.{}.ffn_gate_up_exps.weight"},
    GgufName{Role::gate_up_bias, "blk.{}.ffn_gate_up_exps.bias"},
    GgufName{Role::down_weight, "blk.{}.ffn_down_exps.weight"},
    GgufName{Role::down_bias, "blk.{}.ffn_down_exps.bias"},
};

constexpr bool in_enum_order() {
  for (size_t i = 0; i < gguf_names.size(); ++i)
    if (static_cast<size_t>(gguf_names[i].role) != i) return false;
  return gguf_names.size() == static_cast<size_t>(Role::down_bias) + 1;
}
static_assert(in_enum_order());

struct PlacedTensor {
  const GgufTensor* tensor;
  size_t file;
};

class GgufOpener {
 public:
  explicit GgufOpener(const std::string& path) : path_(path) {}

  Result<Source> run() {
    MXPATH_CHECK(open_parts());
    MXPATH_TRY(architecture_, gguf_architecture(parts_.front(), path_));
    MXPATH_CHECK(read_config());
    for (const auto& place : roles_of(source_.config)) MXPATH_CHECK(add(place));
    MXPATH_CHECK(check_unused());
    source_.kind = SourceKind::gguf;
    source_.description = fmt::format("GGUF, architecture {}", architecture_);
    std::error_code ignored;  // of a current folder that was removed
    source_.weights_folder = source_.companion_folder =
        std::filesystem::absolute(path_, ignored).parent_path().string();
    return std::move(source_);
  }

 private:
  /// One file, or the parts NAME-00001-of-00003.gguf of one.
  Status open_parts() {
    std::vector<std::string> paths = {path_};
    const std::string suffix = path_.size() > 20 ? path_.substr(path_.size() - 20) : "";
    int parts = 0;
    if (std::sscanf(suffix.c_str(), "-%*5d-of-%5d.gguf", &parts) == 1 && parts > 0) {
      paths.clear();
      for (int part = 1; part <= parts; ++part)
        paths.push_back(fmt::format("{}-{:05}-of-{:05}.gguf", path_.substr(0, path_.size() - 20), part, parts));
    }
    for (const auto& path : paths) {
      MXPATH_TRY(MappedFile map, MappedFile::open(path));
      MXPATH_TRY(SourceFile file, source_file(path));
      MXPATH_TRY(Gguf part, parse_gguf(map.bytes(), path));
      source_.maps.push_back(std::move(map));
      source_.files.push_back(std::move(file));
      parts_.push_back(std::move(part));
    }
    return index_tensors(paths);
  }

  Status index_tensors(const std::vector<std::string>& paths) {
    for (size_t file = 0; file < parts_.size(); ++file)
      for (const auto& tensor : parts_[file].tensors)
        if (!tensors_.emplace(tensor.name, PlacedTensor{&tensor, file}).second)
          return fail("{}: tensor {} is also in another part", paths[file], printable(tensor.name));
    return {};
  }

  Status read_config() {
    const auto embedding = tensors_.find("token_embd.weight");
    if (embedding == tensors_.end() || embedding->second.tensor->shape.size() != 2)
      return fail("{}: tensor token_embd.weight is missing", path_);
    const uint64_t vocab = embedding->second.tensor->shape[0];
    if (vocab > INT_MAX) return fail("{}: a vocabulary of {} is too large", path_, vocab);
    MXPATH_TRY(source_.config,
               config_from_gguf(parts_.front(), static_cast<int>(vocab), !tensors_.contains("output.weight"), path_));
    return {};
  }

  const PlacedTensor* find(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

  static std::string named(std::string_view pattern, int layer) { return fmt::format(fmt::runtime(pattern), layer); }

  Status add(const RoleInLayer& place) {
    const GgufName& row = gguf_names[static_cast<size_t>(place.row->role)];
    SourceTensor tensor;
    tensor.role = place.row->role, tensor.layer = place.layer;
    tensor.experts = place.row->per_expert ? static_cast<size_t>(source_.config.experts) : 1;
    tensor.rows = static_cast<size_t>(size_of(place.row->rows, source_.config));
    tensor.columns = static_cast<size_t>(size_of(place.row->columns, source_.config));
    tensor.name = named(row.name, place.layer);
    MXPATH_CHECK(check_one_source(row, place));
    if (is_gate_up(row.role)) MXPATH_CHECK(add_gate_up(tensor, place));
    else if (find(tensor.name)) MXPATH_CHECK(add_piece(tensor, tensor.name, tensor.rows, 0));
    else if (!row.other.empty())
      MXPATH_CHECK(add_piece(tensor, tensor.name = named(row.other, place.layer), tensor.rows, 0));
    else MXPATH_CHECK(add_part_of_qkv(tensor, place));
    source_.tensors.push_back(std::move(tensor));
    return {};
  }

  static bool is_gate_up(Role role) { return role == Role::gate_up_weight || role == Role::gate_up_bias; }

  /// Two tensors for one role may hold different numbers, and nothing says which are the model's.
  Status check_one_source(const GgufName& row, const RoleInLayer& place) const {
    std::vector<std::string> names = {named(row.name, place.layer)};
    if (!row.other.empty()) names.push_back(named(row.other, place.layer));
    if (place.row->fused_rows != Extent::none) names.push_back(fused_name(place));
    if (is_gate_up(row.role)) {  // these two are one source together
      const std::string gate = part_name(place, "gate");
      names.push_back(find(gate) ? gate : part_name(place, "up"));
    }
    std::erase_if(names, [&](const std::string& name) { return !find(name); });
    if (names.size() < 2) return {};
    return fail(
        "{}: tensors {} and {} are for the same weights, and only one of them can be the model's; take a file that has "
        "one of them",
        path_, names[0], names[1]);
  }

  static std::string_view suffix_of(const RoleInLayer& place) {
    return place.row->columns == Extent::one ? "bias" : "weight";
  }
  static std::string fused_name(const RoleInLayer& place) {
    return fmt::format("blk.{}.attn_qkv.{}", place.layer, suffix_of(place));
  }
  static std::string part_name(const RoleInLayer& place, std::string_view part) {
    return fmt::format("blk.{}.ffn_{}_exps.{}", place.layer, part, suffix_of(place));
  }

  /// Gate and up apart; or in one tensor, row by row in Ollama's files, one after the other in llama.cpp's.
  Status add_gate_up(SourceTensor& tensor, const RoleInLayer& place) {
    if (find(tensor.name)) {
      if (architecture_ == "gptoss") return add_piece(tensor, tensor.name, tensor.rows, 0);
      MXPATH_CHECK(add_piece(tensor, tensor.name, tensor.rows, 0));
      return add_piece(tensor, tensor.name, tensor.rows, tensor.rows / 2);
    }
    tensor.name = part_name(place, "gate");
    MXPATH_CHECK(add_piece(tensor, tensor.name, tensor.rows / 2, 0));
    return add_piece(tensor, part_name(place, "up"), tensor.rows / 2, 0);
  }

  Status add_part_of_qkv(SourceTensor& tensor, const RoleInLayer& place) {
    const std::string fused = fused_name(place);
    if (place.row->fused_rows == Extent::none || !find(fused)) return missing(tensor.name);
    size_t before = 0;
    for (const Extent extent : place.row->fused_before) before += static_cast<size_t>(size_of(extent, source_.config));
    tensor.name = fused;
    return add_piece(tensor, fused, static_cast<size_t>(size_of(place.row->fused_rows, source_.config)), before);
  }

  Error missing(const std::string& name) const {
    return fail("{}: tensor {} is missing; download the file again", path_, name);
  }

  /// `stored_rows` rows an expert in the file, of which the tensor starts at `first_row`.
  Status add_piece(SourceTensor& tensor, const std::string& name, size_t stored_rows, size_t first_row) {
    const PlacedTensor* placed = find(name);
    if (!placed) return missing(name);
    used_.insert(name);
    StoredRows piece;
    MXPATH_TRY(piece.stored, stored_of(*placed));
    MXPATH_CHECK(check_shape(*placed, tensor, stored_rows));
    piece.data = source_.maps[placed->file].bytes().data() + placed->tensor->offset;
    if (tensor.shares_blocks(piece)) {
      piece.first_row = first_row, piece.expert_rows = stored_rows;
    } else {
      const size_t row = row_bytes(piece.stored, tensor.columns);
      piece.data += first_row * row;
      piece.expert_stride = stored_rows * row;
    }
    tensor.pieces.push_back(piece);
    return {};
  }

  const std::string& path_of(const PlacedTensor& placed) const { return source_.maps[placed.file].path(); }

  Result<Stored> stored_of(const PlacedTensor& placed) const {
    const GgufTensor& tensor = *placed.tensor;
    switch (tensor.type) {
      case gguf_tensor::f32: return Stored::f32;
      case gguf_tensor::f16: return Stored::f16;
      case gguf_tensor::bf16: return Stored::bf16;
      case gguf_tensor::q8_0: return Stored::q8_0;
      case gguf_tensor::mxfp4: return Stored::mxfp4_halves;
      case gguf_tensor::mxfp4_raw: return Stored::mxfp4_together;
      default:
        return fail(
            "{}: tensor {} is {}; mxpath converts F32, F16, BF16, Q8_0 and MXFP4: take a file of this model labelled "
            "MXFP4, Q8_0 or F16",
            path_of(placed), printable(tensor.name), gguf_tensor_type_name(tensor.type));
    }
  }

  /// Dimensions of 1 may be written or left out.
  Status check_shape(const PlacedTensor& placed, const SourceTensor& wanted, size_t stored_rows) const {
    const GgufTensor& tensor = *placed.tensor;
    const auto without_ones = [](std::vector<uint64_t> shape) { return std::erase(shape, uint64_t{1}), shape; };
    const std::vector<uint64_t> shape = {wanted.experts, stored_rows, wanted.columns};
    if (without_ones(tensor.shape) == without_ones(shape)) return {};
    return fail("{}: tensor {} has the shape [{}], but the metadata makes it [{}]", path_of(placed),
                printable(tensor.name), fmt::join(tensor.shape, ", "), fmt::join(without_ones(shape), ", "));
  }

  Status check_unused() {
    std::vector<std::string> unused;
    for (const auto& [name, placed] : tensors_)
      if (!used_.contains(name)) unused.push_back(name);
    for (const auto& name : unused)
      if (int layer = 0; std::sscanf(name.c_str(), "blk.%d.", &layer) == 1 && layer >= source_.config.layers)
        return fail("{}: tensor {} belongs to layer {}, but the metadata says there are {} layers", path_,
                    printable(name), layer, source_.config.layers);
    if (!unused.empty())
      source_.remarks.push_back(fmt::format("{} not used, the first is {}",
                                            plural(unused.size(), "tensor is", "tensors are"),
                                            printable(unused.front())));
    return {};
  }

  std::string path_, architecture_;
  Source source_;
  std::vector<Gguf> parts_;
  std::map<std::string, PlacedTensor> tensors_;
  std::set<std::string> used_;
};

}  // namespace

Result<Source> open_gguf_source(const std::string& path) { return GgufOpener(path).run(); }

}  // namespace mxpath::convert
