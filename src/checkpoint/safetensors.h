// The safetensors container: one JSON header, then the tensors back to back.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// Element types that a safetensors header may name.
enum class Dtype : uint8_t {
  boolean,
  u8,
  i8,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  f64,
  i64,
  u64,
  c64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f4,
  f6_e2m3,
  f6_e3m2
};
std::string_view name_of(Dtype dtype);  ///< as written in a header: "BF16"
int bits_of(Dtype dtype);
/// Bytes of a tensor; nothing when the product overflows 64 bits or is not a whole number of bytes.
std::optional<uint64_t> bytes_of(Dtype dtype, std::span<const uint64_t> shape);
/// "[32, 5760, 90, 16]"; of more than eight dimensions the first, and how many there are.
std::string shape_text(std::span<const uint64_t> shape);

/// Bytes of JSON that a header may have: the limit of the reference reader.
inline constexpr uint64_t safetensors_header_limit = 100'000'000;
/// Tensors that one checkpoint may have: a gpt-oss-120b with each expert apart and quantised by bitsandbytes has
/// 65,000. Half a million take 2.5 s to read, 4.8 s where a model is opened twice.
inline constexpr size_t most_tensors = 1 << 17;
/// Dimensions that a tensor may have; NumPy allows 64.
inline constexpr size_t most_dimensions = 64;

/// One tensor as its header describes it. Offsets are bytes from the start of the file.
struct SafetensorsEntry {
  std::string name;
  Dtype dtype = Dtype::u8;
  std::vector<uint64_t> shape;
  uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;        ///< sorted by offset
  std::map<std::string, std::string> metadata;  ///< __metadata__
  uint64_t bytes = 0;                           ///< bytes of the header itself
};

/// What the headers of a checkpoint may still hold, all of its files together. A header that fails counts too: it was
/// read as far.
struct HeaderAllowance {
  uint64_t bytes = safetensors_header_limit;
  size_t tensors = most_tensors;
  bool used_up = false;  ///< a header failed because it holds more than was left
};

/// Parses and checks the header of a file of `file_size` bytes of which `start` holds at least the header (8 + N bytes;
/// the rest of the file is not looked at). All validation of the reference reader: N ≤ 100,000,000 and inside the file,
/// JSON, no duplicate key, known dtype, shape × dtype = bytes without overflow, tensors tile the buffer from 0 to the
/// end with no hole or overlap; and, so that a header costs no more time than it is worth, at most most_tensors of
/// most_dimensions, or what `left` allows.
Result<SafetensorsHeader> parse_safetensors(std::span<const uint8_t> start, uint64_t file_size, std::string_view where,
                                            HeaderAllowance* left = nullptr);

/// Reads and checks the header of a file; no byte behind the header is read. Errors: as parse_safetensors, a file that
/// is missing, unreadable or not a regular file, a Git LFS pointer in its place.
Result<SafetensorsHeader> read_safetensors_header(const std::string& path, HeaderAllowance* left = nullptr);

/// One tensor to write: `data` is asked for the bytes, front to back, in pieces of its own choosing. Without `data` the
/// tensor becomes a hole that reads as zeros and takes no disk space: enough for planning and for tests of headers.
struct SafetensorsItem {
  std::string name;
  Dtype dtype = Dtype::u8;
  std::vector<uint64_t> shape;
  std::function<Status(const std::function<Status(std::span<const uint8_t>)>& write)> data;
};

/// Writes a file under a temporary name, syncs it, and renames it into place: never half a file under `path`.
/// Errors: no permission, disk full, a `data` callback that gave the wrong number of bytes.
Status write_safetensors(const std::string& path, std::span<const SafetensorsItem> items,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace mxpath
