#include "checkpoint/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr uint32_t type_count = static_cast<uint32_t>(GgufType::f64) + 1;
constexpr std::array<uint8_t, type_count> type_bytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // 0: of varying length
constexpr int deepest_nesting = 4;
constexpr uint64_t longest_name = 1024, largest_alignment = 1 << 20;
// Bounds of time: gpt-oss files have about 700 tensors, 50 values and 16 MB of header, nearly all of it vocabulary.
// Half a million tensors take 3 s.
constexpr uint64_t most_gguf_tensors = 1 << 16, most_values = 1 << 16, largest_header = uint64_t{256} << 20;

template <class T>
T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct TensorTypeRow {
  uint32_t type;
  std::string_view name;
  GgufBlock block;
};

// clang-format off
constexpr std::array tensor_types = {
    TensorTypeRow{0, "F32", {1, 4}},        TensorTypeRow{1, "F16", {1, 2}},        TensorTypeRow{2, "Q4_0", {32, 18}},
    TensorTypeRow{3, "Q4_1", {32, 20}},     TensorTypeRow{4, "MXFP4 (Ollama)", {32, 17}}, TensorTypeRow{6, "Q5_0", {32, 22}},
    TensorTypeRow{7, "Q5_1", {32, 24}},     TensorTypeRow{8, "Q8_0", {32, 34}},     TensorTypeRow{9, "Q8_1", {32, 36}},
    TensorTypeRow{10, "Q2_K", {256, 84}},   TensorTypeRow{11, "Q3_K", {256, 110}},  TensorTypeRow{12, "Q4_K", {256, 144}},
    TensorTypeRow{13, "Q5_K", {256, 176}},  TensorTypeRow{14, "Q6_K", {256, 210}},  TensorTypeRow{15, "Q8_K", {256, 292}},
    TensorTypeRow{16, "IQ2_XXS", {256, 66}}, TensorTypeRow{17, "IQ2_XS", {256, 74}}, TensorTypeRow{18, "IQ3_XXS", {256, 98}},
    TensorTypeRow{20, "IQ4_NL", {32, 18}},  TensorTypeRow{21, "IQ3_S", {256, 110}}, TensorTypeRow{22, "IQ2_S", {256, 82}},
    TensorTypeRow{23, "IQ4_XS", {256, 136}}, TensorTypeRow{24, "I8", {1, 1}},       TensorTypeRow{25, "I16", {1, 2}},
    TensorTypeRow{26, "I32", {1, 4}},       TensorTypeRow{27, "I64", {1, 8}},       TensorTypeRow{28, "F64", {1, 8}},
    TensorTypeRow{30, "BF16", {1, 2}},      TensorTypeRow{39, "MXFP4", {32, 17}},   TensorTypeRow{40, "NVFP4", {64, 36}},
};
// clang-format on

const TensorTypeRow* find_type(uint32_t type) {
  const auto row =
      std::find_if(tensor_types.begin(), tensor_types.end(), [&](const TensorTypeRow& r) { return r.type == type; });
  return row == tensor_types.end() ? nullptr : &*row;
}

/// Walks the bytes before the tensor data; every read is checked against the end of the file.
class Reader {
 public:
  Reader(std::span<const uint8_t> file, std::string_view where) : file_(file), where_(where) {}

  Result<Gguf> run() {
    MXPATH_CHECK(read_start());
    MXPATH_CHECK(read_metadata());
    MXPATH_CHECK(read_alignment());
    MXPATH_CHECK(read_tensors());
    MXPATH_CHECK(place_tensors());
    return std::move(gguf_);
  }

 private:
  /// The bytes that may be left of the header, which a file full of zeros could make as long as itself.
  uint64_t left() const { return std::min<uint64_t>(file_.size(), largest_header) - at_; }
  Error truncated() const {
    if (file_.size() > largest_header)
      return fail("{}: its header is longer than {} bytes; not a gpt-oss model", where_, largest_header);
    return fail("{}: truncated: its header ends at byte {}; download the file again", where_, file_.size());
  }

  template <class T>
  Status number(T& value) {
    if (left() < sizeof value) return truncated();
    value = load<T>(file_.data() + at_);
    at_ += sizeof value;
    return {};
  }

  Status text(std::string_view& value) {
    uint64_t length = 0;
    MXPATH_CHECK(number(length));
    if (length > left() && file_.size() > largest_header) return truncated();
    if (length > left())
      return fail("{}: a string at byte {} would be {} bytes long, but the file ends {} bytes later", where_, at_ - 8,
                  length, left());
    value = {reinterpret_cast<const char*>(file_.data() + at_), length};
    at_ += length;
    return {};
  }

  /// A key or a tensor's name.
  Status name(std::string_view& value) {
    MXPATH_CHECK(text(value));
    if (value.empty() || value.size() > longest_name)
      return fail("{}: a name at byte {} is {} bytes long", where_, at_ - value.size(), value.size());
    return {};
  }

  Status read_start() {
    if (file_.size() < 4 || std::memcmp(file_.data(), "GGUF", 4) != 0)
      return fail("{}: not a GGUF file: it does not start with \"GGUF\"", where_);
    at_ = 4;
    MXPATH_CHECK(number(gguf_.version));
    if (gguf_.version != 2 && gguf_.version != 3)
      return fail("{}: GGUF version {} cannot be read, only 2 and 3", where_, gguf_.version);
    MXPATH_CHECK(number(tensor_count_));
    MXPATH_CHECK(number(value_count_));
    // The shortest tensor takes 8 + 1 + 4 + 4 + 8 bytes, the shortest value 8 + 1 + 4 + 1.
    if (tensor_count_ > left() / 25 || value_count_ > left() / 14)
      return fail("{}: {} tensors and {} metadata values cannot be in a file of {} bytes", where_, tensor_count_,
                  value_count_, file_.size());
    if (tensor_count_ > most_gguf_tensors || value_count_ > most_values)
      return fail("{}: {} tensors and {} metadata values are more than any gpt-oss model has ({} and {} at most)",
                  where_, tensor_count_, value_count_, most_gguf_tensors, most_values);
    return {};
  }

  Status read_metadata() {
    for (uint64_t i = 0; i < value_count_; ++i) {
      std::string_view key;
      MXPATH_CHECK(name(key));
      GgufValue value;
      MXPATH_CHECK(type(value.type, key));
      MXPATH_CHECK(read_value(value, key, 0));
      if (!gguf_.metadata.emplace(key, value).second)
        return fail("{}: metadata \"{}\" is there twice", where_, printable(key));
    }
    return {};
  }

  Status type(GgufType& type, std::string_view key) {
    uint32_t number_of_type = 0;
    MXPATH_CHECK(number(number_of_type));
    if (number_of_type >= type_count)
      return fail("{}: metadata \"{}\" has the unknown type {}", where_, printable(key), number_of_type);
    type = static_cast<GgufType>(number_of_type);
    return {};
  }

  Status read_value(GgufValue& value, std::string_view key, int depth) {
    if (value.type == GgufType::array) {
      MXPATH_CHECK(type(value.element, key));
      MXPATH_CHECK(number(value.count));
    }
    const uint64_t begin = at_;
    MXPATH_CHECK(value.type == GgufType::array ? skip_elements(value, key, depth) : skip_one(value.type, 1, key));
    value.bytes = file_.subspan(begin, at_ - begin);
    return {};
  }

  Status skip_one(GgufType type, uint64_t count, std::string_view key) {
    const uint64_t bytes = type_bytes[static_cast<size_t>(type)];
    if (bytes == 0) {
      std::string_view ignored;
      return text(ignored);
    }
    if (count > left() / bytes) return fail("{}: metadata \"{}\" leaves the file", where_, printable(key));
    for (uint64_t i = 0; type == GgufType::boolean && i < count; ++i)
      if (file_[at_ + i] > 1)
        return fail("{}: metadata \"{}\" is a boolean with the value {}", where_, printable(key), file_[at_ + i]);
    at_ += count * bytes;
    return {};
  }

  Status skip_elements(const GgufValue& array, std::string_view key, int depth) {
    if (type_bytes[static_cast<size_t>(array.element)] != 0) return skip_one(array.element, array.count, key);
    if (depth == deepest_nesting)
      return fail("{}: metadata \"{}\" holds arrays nested deeper than {}", where_, printable(key), deepest_nesting);
    if (array.count > left() / 8) return fail("{}: metadata \"{}\" leaves the file", where_, printable(key));
    for (uint64_t i = 0; i < array.count; ++i) {
      GgufValue element{.type = array.element, .bytes = {}};
      MXPATH_CHECK(read_value(element, key, depth + 1));
    }
    return {};
  }

  Status read_alignment() {
    const GgufValue* value = gguf_.find("general.alignment");
    if (!value) return {};
    const auto alignment = value->as_unsigned();
    if (!alignment || !std::has_single_bit(*alignment) || *alignment > largest_alignment)
      return fail("{}: general.alignment must be a power of two up to {}", where_, largest_alignment);
    gguf_.alignment = *alignment;
    return {};
  }

  Status read_tensors() {
    std::unordered_set<std::string_view> names;
    for (uint64_t i = 0; i < tensor_count_; ++i) {
      std::string_view tensor_name;
      MXPATH_CHECK(name(tensor_name));
      if (!names.insert(tensor_name).second)
        return fail("{}: tensor \"{}\" is there twice", where_, printable(tensor_name));
      MXPATH_CHECK(read_tensor(gguf_.tensors.emplace_back(), tensor_name));
    }
    return {};
  }

  Status read_tensor(GgufTensor& tensor, std::string_view tensor_name) {
    tensor.name = tensor_name;
    uint32_t dimensions = 0;
    MXPATH_CHECK(number(dimensions));
    if (dimensions > 4)
      return fail("{}: tensor \"{}\" has {} dimensions, more than 4", where_, printable(tensor_name), dimensions);
    tensor.shape.resize(dimensions);
    for (size_t i = dimensions; i-- > 0;) MXPATH_CHECK(number(tensor.shape[i]));
    MXPATH_CHECK(number(tensor.type));
    MXPATH_CHECK(number(tensor.offset));
    return find_size(tensor);
  }

  Status find_size(GgufTensor& tensor) {
    const auto block = gguf_block(tensor.type);
    if (!block) return {};
    uint64_t elements = 1, bytes = 0;
    const uint64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    for (const uint64_t size : tensor.shape)
      if (__builtin_mul_overflow(elements, size, &elements)) return bad_size(tensor);
    if (row % block->elements || __builtin_mul_overflow(elements / block->elements, block->bytes, &bytes))
      return bad_size(tensor);
    tensor.bytes = bytes;
    return {};
  }

  Error bad_size(const GgufTensor& tensor) const {
    return fail("{}: tensor \"{}\", {} of [{}], has a size that overflows or is no whole number of blocks", where_,
                printable(tensor.name), gguf_tensor_type_name(tensor.type), fmt::join(tensor.shape, ", "));
  }

  /// Offsets count from the end of the header, rounded up.
  Status place_tensors() {
    const uint64_t start = (at_ + gguf_.alignment - 1) / gguf_.alignment * gguf_.alignment;
    for (auto& tensor : gguf_.tensors) {
      if (tensor.offset % gguf_.alignment)
        return fail("{}: tensor \"{}\" starts at {}, which is no multiple of {}", where_, printable(tensor.name),
                    tensor.offset, gguf_.alignment);
      if (start > file_.size() || tensor.offset > file_.size() - start ||
          tensor.bytes > file_.size() - start - tensor.offset)
        return fail(
            "{}: truncated: tensor \"{}\" ends {} bytes after offset {}, but the file holds only {}; download the file "
            "again",
            where_, printable(tensor.name), tensor.bytes, tensor.offset, file_.size());
      tensor.offset += start;
    }
    return check_overlap();
  }

  Status check_overlap() {
    std::sort(gguf_.tensors.begin(), gguf_.tensors.end(),
              [](const auto& a, const auto& b) { return std::tie(a.offset, a.bytes) < std::tie(b.offset, b.bytes); });
    for (size_t i = 1; i < gguf_.tensors.size(); ++i) {
      const GgufTensor &before = gguf_.tensors[i - 1], &tensor = gguf_.tensors[i];
      if (before.offset + before.bytes > tensor.offset)
        return fail("{}: tensors \"{}\" and \"{}\" overlap in the file", where_, printable(before.name),
                    printable(tensor.name));
    }
    return {};
  }

  std::span<const uint8_t> file_;
  std::string_view where_;
  uint64_t at_ = 0, tensor_count_ = 0, value_count_ = 0;
  Gguf gguf_;
};

std::optional<int64_t> integer_at(GgufType type, const uint8_t* at) {
  switch (type) {
    case GgufType::u8:
    case GgufType::boolean: return *at;
    case GgufType::i8: return load<int8_t>(at);
    case GgufType::u16: return load<uint16_t>(at);
    case GgufType::i16: return load<int16_t>(at);
    case GgufType::u32: return load<uint32_t>(at);
    case GgufType::i32: return load<int32_t>(at);
    case GgufType::i64: return load<int64_t>(at);
    case GgufType::u64: {
      const auto value = load<uint64_t>(at);
      return value <= INT64_MAX ? std::optional<int64_t>(static_cast<int64_t>(value)) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<uint64_t> GgufValue::as_unsigned() const {
  if (type == GgufType::boolean) return std::nullopt;
  const auto value = integer_at(type, bytes.data());
  return value && *value >= 0 ? std::optional<uint64_t>(static_cast<uint64_t>(*value)) : std::nullopt;
}

std::optional<double> GgufValue::as_number() const {
  double value = 0;
  if (type == GgufType::f32) value = load<float>(bytes.data());
  else if (type == GgufType::f64) value = load<double>(bytes.data());
  else if (const auto whole = as_unsigned()) value = static_cast<double>(*whole);
  else return std::nullopt;
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

std::optional<bool> GgufValue::as_boolean() const {
  return type == GgufType::boolean ? std::optional<bool>(bytes[0] != 0) : std::nullopt;
}

std::optional<std::string_view> GgufValue::as_text() const {
  if (type != GgufType::string) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()) + 8, bytes.size() - 8);
}

std::optional<std::vector<int64_t>> GgufValue::as_integers(uint64_t limit) const {
  if (type != GgufType::array || count > limit) return std::nullopt;
  const size_t step = type_bytes[static_cast<size_t>(element)];
  if (step == 0) return std::nullopt;
  std::vector<int64_t> values;
  for (uint64_t i = 0; i < count; ++i) {
    const auto value = integer_at(element, bytes.data() + i * step);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::string gguf_tensor_type_name(uint32_t type) {
  const TensorTypeRow* row = find_type(type);
  return row ? std::string(row->name) : fmt::format("type {}", type);
}

std::optional<GgufBlock> gguf_block(uint32_t type) {
  const TensorTypeRow* row = find_type(type);
  return row ? std::optional<GgufBlock>(row->block) : std::nullopt;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

Result<Gguf> parse_gguf(std::span<const uint8_t> file, std::string_view where) { return Reader(file, where).run(); }

}  // namespace mxpath
