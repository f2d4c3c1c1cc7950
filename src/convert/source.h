// Where a conversion reads from: the tensors of a checkpoint or a GGUF file by role, as they lie in memory.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "checkpoint/manifest.h"
#include "convert/blocks.h"

namespace mxpath::convert {

/// How a piece's rows are stored.
enum class Stored : uint8_t {
  bf16,
  f16,
  f32,
  q8_0,           // ggml: 32 values, F16 scale first, 34 bytes
  mxfp4,          // codes and scales apart, adjacent nibbles: the safetensors layouts
  mxfp4_halves,   // ggml: scale byte and 16 bytes of codes together, halves nibbles
  mxfp4_together  // Ollama: the same, adjacent nibbles
};
bool is_mxfp4(Stored stored);
/// Elements that share a scale; 1 for plain numbers.
size_t block_elements(Stored stored);
/// Bytes of `elements` elements, which are whole blocks; for mxfp4 those of its codes.
size_t row_bytes(Stored stored, size_t elements);

/// Rows of one stored tensor, one expert after the other.
struct StoredRows {
  Stored stored = Stored::bf16;
  /// First row of the first expert; where rows share blocks, the first block of the tensor.
  const uint8_t* data = nullptr;
  const uint8_t* scales = nullptr;  ///< mxfp4 only; [experts, rows, columns / 32] without gaps
  size_t expert_stride = 0;         ///< bytes from one expert to the next; 0 where rows share blocks
  /// A vector in a blocked type: 32 of its rows (columns 1) share a block. Rows before the first one that is meant, and
  /// from one expert to the next.
  size_t first_row = 0, expert_rows = 0;
};

/// One [experts, rows, columns] matrix (vectors: columns 1). With several pieces, row r is row r / n of piece r mod n:
/// GGUF keeps gate and up apart.
struct SourceTensor {
  Role role = Role::embedding;
  int layer = -1;
  std::string name;  ///< in the file, for messages
  size_t experts = 1, rows = 0, columns = 1;
  bool transposed = false;  ///< stored [experts, columns, rows], plain numbers, one piece
  std::vector<StoredRows> pieces;

  /// Every row is a whole number of MXFP4 blocks.
  bool mxfp4() const;
  bool plain_bf16() const { return pieces.size() == 1 && pieces.front().stored == Stored::bf16; }
  /// Rows share blocks: a vector in a blocked type.
  bool shares_blocks(const StoredRows& piece) const { return columns % block_elements(piece.stored) != 0; }
  /// Bytes of one expert in a piece; 0 where experts may share blocks.
  size_t expert_bytes(const StoredRows& piece) const;

  /// Row of an expert as floats; transposed tensors too, slowly.
  void read_row(size_t expert, size_t row, float* out) const;
  /// Codes and scales of a row, adjacent; for mxfp4() tensors.
  void read_block_row(size_t expert, size_t row, uint8_t* codes, uint8_t* scales) const;
};

/// A file that a conversion reads, as the journal remembers it.
struct SourceFile {
  std::string name;
  uint64_t bytes = 0;
  int64_t modified = 0;  ///< nanoseconds since 1970
  int64_t changed = 0;   ///< likewise; moves with contents, name and mode, and unlike `modified` cannot be set back

  /// Compares only what changes with the contents.
  bool operator==(const SourceFile& other) const {
    return name == other.name && bytes == other.bytes && modified == other.modified;
  }
};

enum class SourceKind : uint8_t { checkpoint, gguf };

struct Source {
  SourceKind kind = SourceKind::checkpoint;
  std::string description;     ///< "Hugging Face, MXFP4 experts", "GGUF (gpt-oss)"
  std::string weights_folder;  ///< where the weights are; tokenizer files are looked for here, then in companion_folder
  std::string companion_folder;
  ModelConfig config;
  CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4;  ///< of a checkpoint
  std::string config_path;                                         ///< of a checkpoint
  std::vector<SourceTensor> tensors;
  std::vector<SourceFile>
      files;  ///< those of `maps` in their order, then config.json, each as it was when it was opened
  std::vector<std::string> remarks;

  const SourceTensor* find(Role role, int layer) const;
  /// Gives the resident pages of a range back, or asks for them ahead of time.
  void release(const uint8_t* begin, size_t bytes) const;
  void will_need(const uint8_t* begin, size_t bytes) const;
  /// Path of the file that holds this byte.
  const std::string& path_of(const uint8_t* at) const;

  /// Whether the files, or the one that holds this byte, still have the size and time that they had. A page that a file
  /// lost is a fault when it is read (SIGBUS), so this is asked before each piece is. Error: names the file.
  Status check_unchanged() const;
  Status check_unchanged(const uint8_t* at) const;
  /// The sentence for bytes of `maps` that the system could not read (EFAULT): the file that holds this one became
  /// shorter, or its disk failed.
  Error unreadable(const uint8_t* at) const;

  std::vector<MappedFile> maps;  ///< all files that `tensors` point into

 private:
  Status check_file(size_t index) const;
};

/// A folder of one of the three layouts, a GGUF file (told by its first bytes, so that Ollama's blobs will do), a
/// folder with one, or the first part of a split one. Errors: those of open_manifest and parse_gguf; a GGUF of another
/// architecture or with quantised types.
Result<Source> open_source(const std::string& path);

/// The sentence for a conversion from the file or folder `source` that gets no memory.
Error no_memory(const std::string& source);

/// The parts of open_source.
Result<Source> open_gguf_source(const std::string& path);
bool is_gguf_file(const std::string& path);

}  // namespace mxpath::convert
