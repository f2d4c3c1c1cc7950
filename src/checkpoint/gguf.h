// The GGUF container of llama.cpp and Ollama: metadata, then tensors, in one file.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// Types of metadata values, by their number in the file.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// One metadata value: a view into the bytes that were parsed, which must outlive it.
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element = GgufType::u8;  ///< the type of an array's elements
  uint64_t count = 1;               ///< elements of an array
  std::span<const uint8_t> bytes;   ///< the value, or an array's elements as they lie in the file

  /// Nothing if the value is of another kind or does not fit.
  std::optional<uint64_t> as_unsigned() const;
  std::optional<double> as_number() const;
  std::optional<bool> as_boolean() const;
  std::optional<std::string_view> as_text() const;
  /// The elements of an array of whole numbers or booleans, at most `limit` of them.
  std::optional<std::vector<int64_t>> as_integers(uint64_t limit = 1 << 16) const;
};

/// Numbers of the tensor types that mxpath knows what to do with. `mxfp4_raw` is Ollama's own: blocks of 17 bytes like
/// `mxfp4`, but with the nibbles in the order of the Hugging Face checkpoint (NibbleOrder::adjacent).
namespace gguf_tensor {
inline constexpr uint32_t f32 = 0, f16 = 1, mxfp4_raw = 4, q8_0 = 8, bf16 = 30, mxfp4 = 39;
}
/// "Q8_0", or "type 77".
std::string gguf_tensor_type_name(uint32_t type);
/// Elements and bytes of a block; nothing for a type whose blocks mxpath does not know.
struct GgufBlock {
  uint64_t elements, bytes;
};
std::optional<GgufBlock> gguf_block(uint32_t type);

struct GgufTensor {
  std::string name;
  uint32_t type = 0;
  std::vector<uint64_t>
      shape;  ///< the slowest dimension first, as everywhere else in mxpath; the file has it the other way round
  uint64_t offset = 0, bytes = 0;  ///< from the start of the file; bytes is 0 for a type of unknown size
};

struct Gguf {
  uint32_t version = 0;
  uint64_t alignment = 32;
  std::unordered_map<std::string_view, GgufValue> metadata;  ///< views into the parsed bytes
  std::vector<GgufTensor> tensors;                           ///< sorted by offset

  const GgufValue* find(std::string_view key) const;
};

/// Parses and checks a whole file (mapped; tensor data is not looked at). Errors: magic, a version other than 2 and 3,
/// counts beyond the file, a value type that is not known, a string or array that leaves the file, arrays nested deeper
/// than 4, a key or tensor twice, an alignment that is no power of two, a tensor of more than 4 dimensions, whose size
/// overflows or is no whole number of blocks, that is not aligned, leaves the file or overlaps another.
Result<Gguf> parse_gguf(std::span<const uint8_t> file, std::string_view where);

}  // namespace mxpath
