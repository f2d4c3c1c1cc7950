#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "checkpoint/json_events.h"

namespace mxpath {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  int bits;
};

// clang-format off
constexpr std::array dtypes = {
    DtypeRow{Dtype::boolean, "BOOL", 8},       DtypeRow{Dtype::u8, "U8", 8},
    DtypeRow{Dtype::i8, "I8", 8},              DtypeRow{Dtype::i16, "I16", 16},
    DtypeRow{Dtype::u16, "U16", 16},           DtypeRow{Dtype::f16, "F16", 16},
    DtypeRow{Dtype::bf16, "BF16", 16},         DtypeRow{Dtype::i32, "I32", 32},
    DtypeRow{Dtype::u32, "U32", 32},           DtypeRow{Dtype::f32, "F32", 32},
    DtypeRow{Dtype::f64, "F64", 64},           DtypeRow{Dtype::i64, "I64", 64},
    DtypeRow{Dtype::u64, "U64", 64},           DtypeRow{Dtype::c64, "C64", 64},
    DtypeRow{Dtype::f8_e4m3, "F8_E4M3", 8},    DtypeRow{Dtype::f8_e5m2, "F8_E5M2", 8},
    DtypeRow{Dtype::f8_e8m0, "F8_E8M0", 8},    DtypeRow{Dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    DtypeRow{Dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", 8}, DtypeRow{Dtype::f4, "F4", 4},
    DtypeRow{Dtype::f6_e2m3, "F6_E2M3", 6},    DtypeRow{Dtype::f6_e3m2, "F6_E3M2", 6},
};
// clang-format on

constexpr bool in_enum_order() {
  for (size_t i = 0; i < dtypes.size(); ++i)
    if (static_cast<size_t>(dtypes[i].dtype) != i) return false;
  return true;
}
static_assert(in_enum_order());

const DtypeRow* find_dtype(std::string_view name) {
  const auto row = std::find_if(dtypes.begin(), dtypes.end(), [&](const DtypeRow& r) { return r.name == name; });
  return row == dtypes.end() ? nullptr : row;
}

constexpr size_t most_metadata = 1 << 16;

/// Collects the entries of a header; offsets stay relative to the data buffer here.
class HeaderReader : public JsonEvents {
 public:
  explicit HeaderReader(HeaderAllowance& left) : left_(left) {}
  SafetensorsHeader header;

 private:
  enum class Field : uint8_t { none, dtype, shape, offsets, unknown };

  bool on_open(bool object) override {
    if (depth_ == 1) return object || refuse("the header is not a JSON object");
    if (depth_ == 2) return object || wrong("is not a JSON object");
    if (in_metadata_) return wrong("holds a value that is not a string");
    if (field_ == Field::unknown) return true;
    return (depth_ == 3 && !object && field_ != Field::dtype) ||
           wrong("has a dtype, shape or data_offsets of the wrong type");
  }
  bool on_close() override {
    if (depth_ == 3 && field_ == Field::offsets && offsets_.size() != 2)
      return wrong("has data_offsets that are not two numbers");
    if (depth_ != 2) return true;
    return in_metadata_ ? (in_metadata_ = false, true) : finish_entry();
  }
  bool on_key(std::string& key) override {
    if (depth_ == 1) return start_entry(key);
    if (depth_ != 2) return true;
    if (in_metadata_) return key_ = key, true;
    field_ = key == "dtype"          ? Field::dtype
             : key == "shape"        ? Field::shape
             : key == "data_offsets" ? Field::offsets
                                     : Field::unknown;
    if (field_ == Field::unknown) return true;
    const unsigned bit = 1u << static_cast<unsigned>(field_);
    if (seen_ & bit) return wrong("has the key \"" + key + "\" twice");
    return seen_ |= bit, true;
  }
  bool on_string(std::string& value) override {
    if (depth_ < 2) return not_an_object();
    if (in_metadata_) return add_metadata(value);
    if (field_ == Field::unknown) return true;
    if (depth_ != 2 || field_ != Field::dtype) return wrong("has a shape or data_offsets that are not whole numbers");
    const DtypeRow* row = find_dtype(value);
    if (!row) return wrong("has the unknown dtype \"" + printable(value) + "\"");
    return entry_.dtype = row->dtype, true;
  }
  bool on_unsigned(uint64_t value) override {
    if (depth_ < 2) return not_an_object();
    if (in_metadata_) return wrong("holds a value that is not a string");
    if (field_ == Field::unknown) return true;
    if (depth_ != 3 || field_ == Field::dtype) return wrong("has a dtype, shape or data_offsets of the wrong type");
    if (field_ == Field::offsets && offsets_.size() == 2) return wrong("has data_offsets that are not two numbers");
    if (field_ == Field::shape && entry_.shape.size() == most_dimensions)
      return wrong(fmt::format("has more than {} dimensions", most_dimensions));
    return (field_ == Field::shape ? entry_.shape : offsets_).push_back(value), true;
  }
  bool on_other(const std::string& what) override {
    if (depth_ == 1 && in_metadata_ && what == "null")
      return in_metadata_ = false, true;  // "__metadata__": null means none
    if (depth_ < 2) return not_an_object();
    if (in_metadata_) return wrong("holds a value that is not a string");
    return field_ == Field::unknown || wrong("has " + what + " in its dtype, shape or data_offsets");
  }

  bool add_metadata(std::string& value) {
    if (header.metadata.size() == most_metadata) return wrong(fmt::format("holds more than {} values", most_metadata));
    return header.metadata.emplace(key_, std::move(value)).second ||
           refuse("key \"" + printable(key_) + "\" appears twice in __metadata__");
  }
  bool start_entry(std::string& key) {
    in_metadata_ = key == "__metadata__";
    entry_ = {};
    entry_.name = std::move(key);
    offsets_.clear();
    seen_ = 0;
    field_ = Field::none;
    if (in_metadata_ && metadata_seen_) return refuse("key \"__metadata__\" appears twice");
    metadata_seen_ |= in_metadata_;
    return true;
  }
  bool finish_entry() {
    if (seen_ != 0b1110) return wrong("lacks its dtype, shape or data_offsets");
    if (left_.tensors == 0) {
      left_.used_up = true;
      return refuse(fmt::format("names more than {} tensors, which no gpt-oss model has", most_tensors));
    }
    --left_.tensors;
    entry_.begin = offsets_[0], entry_.end = offsets_[1];
    header.entries.push_back(std::move(entry_));
    return true;
  }
  bool not_an_object() {
    return depth_ == 0 ? refuse("the header is not a JSON object") : wrong("is not a JSON object");
  }
  bool wrong(const std::string& what) {
    return refuse((in_metadata_ ? std::string("__metadata__ ") : "tensor \"" + printable(entry_.name) + "\" ") + what);
  }

  HeaderAllowance& left_;
  SafetensorsEntry entry_;
  std::vector<uint64_t> offsets_;
  std::string key_;
  unsigned seen_ = 0;
  Field field_ = Field::none;
  bool in_metadata_ = false, metadata_seen_ = false;
};

Status check_names(const SafetensorsHeader& header, std::string_view where) {
  std::vector<std::string_view> names;
  for (const auto& entry : header.entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return fail("{}: tensor \"{}\" appears twice in the header", where, printable(*twice));
  return {};
}

Status check_size(const SafetensorsEntry& entry, std::string_view where) {
  const auto bytes = bytes_of(entry.dtype, entry.shape);
  if (!bytes)
    return fail("{}: tensor \"{}\" of shape {} has a size that overflows or is no whole number of bytes", where,
                printable(entry.name), shape_text(entry.shape));
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes)
    return fail("{}: tensor \"{}\", {} {}, needs {} bytes, but its data_offsets are [{}, {}]", where,
                printable(entry.name), name_of(entry.dtype), shape_text(entry.shape), *bytes, entry.begin, entry.end);
  return {};
}

/// The entries, sorted by offset, must follow each other from 0 to `size`.
Status check_tiling(const std::vector<SafetensorsEntry>& entries, uint64_t size, std::string_view where) {
  uint64_t end = 0;
  std::string_view before = "the header";
  for (const auto& entry : entries) {
    if (entry.begin < end)
      return fail("{}: tensors \"{}\" and \"{}\" overlap in the file", where, printable(before), printable(entry.name));
    if (entry.begin > end)
      return fail("{}: {} bytes between \"{}\" and \"{}\" belong to no tensor", where, entry.begin - end,
                  printable(before), printable(entry.name));
    if (entry.end > size)
      return fail(
          "{}: truncated: tensor \"{}\" ends at byte {} of the data, but the file holds only {}; download the file "
          "again",
          where, printable(entry.name), entry.end, size);
    end = entry.end;
    before = entry.name;
  }
  if (end < size)
    return fail("{}: {} to no tensor", where,
                plural(size - end, "byte after the last tensor belongs", "bytes after the last tensor belong"));
  return {};
}

Result<uint64_t> header_length(std::span<const uint8_t> start, uint64_t file_size, std::string_view where) {
  if (file_size < 8 || start.size() < 8)
    return fail("{}: {} bytes are too few for a safetensors file, which starts with the 8-byte length of its header",
                where, file_size);
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | start[static_cast<size_t>(i)];
  if (length > safetensors_header_limit)
    return fail("{}: not a safetensors file: its header would be {} bytes long, over the limit of {}", where, length,
                safetensors_header_limit);
  if (length > file_size - 8)
    return fail(
        "{}: truncated: the header is {} bytes long, but only {} bytes follow its length; download the file again",
        where, length, file_size - 8);
  return length;
}

}  // namespace

std::string_view name_of(Dtype dtype) { return dtypes[static_cast<size_t>(dtype)].name; }
int bits_of(Dtype dtype) { return dtypes[static_cast<size_t>(dtype)].bits; }

std::optional<uint64_t> bytes_of(Dtype dtype, std::span<const uint64_t> shape) {
  // As the reference reader multiplies: front to back, then by the bits, any overflow of 64 bits on the way counts.
  uint64_t product = 1;
  for (const uint64_t size : shape)
    if (__builtin_mul_overflow(product, size, &product)) return std::nullopt;
  if (__builtin_mul_overflow(product, static_cast<uint64_t>(bits_of(dtype)), &product) || product % 8)
    return std::nullopt;
  return product / 8;
}

std::string shape_text(std::span<const uint64_t> shape) {
  constexpr size_t shown = 8;
  if (shape.size() <= shown) return fmt::format("[{}]", fmt::join(shape, ", "));
  return fmt::format("[{}, …] of {} dimensions", fmt::join(shape.first(shown), ", "), shape.size());
}

Result<SafetensorsHeader> parse_safetensors(std::span<const uint8_t> start, uint64_t file_size, std::string_view where,
                                            HeaderAllowance* left) {
  MXPATH_TRY(const uint64_t length, header_length(start, file_size, where));
  HeaderAllowance alone;
  if (!left) left = &alone;
  if (length > left->bytes)
    return left->used_up = true, fail("{}: its header of {} bytes is more than a model's files have", where, length);
  left->bytes -= length;
  if (start.size() - 8 < length)
    return fail("{}: only {} of the {} header bytes could be read", where, start.size() - 8, length);
  HeaderReader reader(*left);
  const std::string place = fmt::format("{}: header", where);
  MXPATH_CHECK(read_json_events({reinterpret_cast<const char*>(start.data()) + 8, length}, reader, place));
  SafetensorsHeader header = std::move(reader.header);
  header.bytes = 8 + length;
  MXPATH_CHECK(check_names(header, where));
  for (const auto& entry : header.entries) MXPATH_CHECK(check_size(entry, where));
  const auto by_place = [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  };
  if (!std::is_sorted(header.entries.begin(), header.entries.end(), by_place))
    std::sort(header.entries.begin(), header.entries.end(), by_place);
  MXPATH_CHECK(check_tiling(header.entries, file_size - 8 - length, where));
  for (auto& entry : header.entries) entry.begin += 8 + length, entry.end += 8 + length;
  return header;
}

}  // namespace mxpath
