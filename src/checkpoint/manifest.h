// Every tensor of a checkpoint by the role it plays, whatever its name, layout or file.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/mapped_file.h"
#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"

namespace mxpath {

/// What a tensor does in the model. H hidden, I intermediate, E experts, V vocabulary, nh/nkv heads, hd head_dim; [out,
/// in].
enum class Role : uint8_t {
  embedding,       // [V, H]
  final_norm,      // [H]
  head,            // [V, H]; absent when the embedding is tied
  attention_norm,  // [H]            one per layer, as all below
  q_weight,
  q_bias,  // [nh*hd, H], [nh*hd]
  k_weight,
  k_bias,  // [nkv*hd, H], [nkv*hd]
  v_weight,
  v_bias,
  o_weight,
  o_bias,    // [H, nh*hd], [H]
  sinks,     // [nh]
  mlp_norm,  // [H]
  router_weight,
  router_bias,  // [E, H], [E]
  gate_up_weight,
  gate_up_bias,  // [E, 2I, H] (row 2j gate, 2j+1 up), [E, 2I]
  down_weight,
  down_bias,  // [E, H, I], [E, H]
};
std::string_view name_of(Role role);

/// How the values of one tensor lie in the file.
enum class Encoding : uint8_t {
  bf16,
  f16,
  f32,           // plain numbers, row-major
  mxfp4_blocks,  // two parts: blocks U8 [.., K/32, 16] (element 2b in the low nibble of byte b) and scales U8 [..,
                 // K/32]
};
std::string_view name_of(Encoding encoding);

/// A run of bytes in one of the manifest's files.
struct FilePart {
  int file = -1;  ///< index into Manifest::files; -1: header-only manifest without files
  uint64_t offset = 0, bytes = 0;
};

/// One tensor by role. `rows` and `columns` are those of the [out, in] matrix of one expert; vectors have columns = 1.
struct TensorRecord {
  Role role;
  int layer = -1;    ///< -1 for embedding, final_norm, head
  std::string name;  ///< in the file; of the blocks tensor for mxfp4_blocks
  Encoding encoding = Encoding::bf16;
  bool transposed = false;  ///< stored [E, in, out] (the BF16 dequantised layout), to be read as [E, out, in]
  int experts = 1;
  int64_t rows = 0, columns = 1;
  int64_t first_row = 0;  ///< rows to skip in the stored tensor: q, k and v inside OpenAI's fused qkv
  /// Rows of one expert in the stored tensor (≥ first_row + rows); of the [out, in] matrix when transposed.
  int64_t stored_rows = 0;
  FilePart data;    ///< the whole stored tensor (blocks for mxfp4_blocks)
  FilePart scales;  ///< mxfp4_blocks only
};

enum class CheckpointLayout : uint8_t { hugging_face_mxfp4, hugging_face_bf16, openai_original };
std::string_view name_of(CheckpointLayout layout);

/// A checkpoint's headers, checked against its config. No weight is read to make one.
struct Manifest {
  std::string path;  ///< the folder (or config.json) it came from
  ModelConfig config;
  CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4;
  bool header_only = false;           ///< true: made from config.json alone, there are no weights to load
  std::vector<std::string> files;     ///< full paths of the safetensors files
  std::vector<TensorRecord> tensors;  ///< exactly one for each role and layer
  std::vector<std::string> remarks;   ///< unused tensors and other oddities, one sentence each
  /// What was decided where more than one thing could be meant (which snapshot, which files, an adapter left out), one
  /// sentence each: whoever runs the model should hear it.
  std::vector<std::string> decisions;

  const TensorRecord* find(Role role, int layer = -1) const;
};

/// Opens a folder: config.json and *.safetensors (single file, sharded with model.safetensors.index.json, or OpenAI's
/// original/; a folder that only holds an `original` folder is followed into it). Detects the layout from the tensors,
/// checks every name, dtype and shape against the config. Reads headers only. Errors: a missing or unknown tensor and
/// each contradiction, one sentence.
Result<Manifest> open_manifest(const std::string& folder);

/// The manifest that a config promises, with no files behind it: enough to plan for a model that is not on this disk.
Manifest manifest_from_config(const ModelConfig& config, std::string_view path);

/// The mapped files of a manifest, or memory in their place, and typed access to its tensors.
class Checkpoint {
 public:
  static Result<Checkpoint> open(const std::string& folder);  ///< open_manifest + mapping
  static Result<Checkpoint> open(Manifest manifest);
  /// Weights that lie in memory: FilePart::file counts the buffers, Manifest::files names them. Tensors may share
  /// bytes. Error: a tensor that reaches beyond its buffer.
  static Result<Checkpoint> in_memory(Manifest manifest, std::vector<Buffer> memory);
  const Manifest& manifest() const { return manifest_; }

  /// The stored bytes of a tensor (of all its experts): blocks for mxfp4_blocks.
  std::span<const uint8_t> data(const TensorRecord& record) const;
  std::span<const uint8_t> scales(const TensorRecord& record) const;
  /// Decodes columns [0, columns) of one row of one expert to float (out has `columns` elements). The truth that
  /// layouts are checked against.
  void decode_row(const TensorRecord& record, int expert, int64_t row, std::span<float> out) const;
  /// Gives the resident pages of a tensor back; weights in memory stay, there is no file to read them from again.
  void release(const TensorRecord& record) const;
  /// Gives back a part of its data: `bytes` from `offset`.
  void release(const TensorRecord& record, uint64_t offset, uint64_t bytes) const;

 private:
  std::span<const uint8_t> file_bytes(int file) const;
  std::span<const uint8_t> bytes_of(const FilePart& part) const;
  const FilePart* outside() const;  // one that does not lie in its file; null if all do

  Manifest manifest_;
  std::vector<MappedFile> files_;
  std::vector<Buffer> memory_;  // instead of files
};

}  // namespace mxpath
