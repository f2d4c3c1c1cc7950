#include "checkpoint/check_values.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

/// NaN and infinity are the codes whose exponent bits are all set.
template <class Code>
bool any_not_finite(const uint8_t* bytes, size_t count, Code exponent) {
  Code found = 0;
  for (size_t i = 0; i < count; ++i) {
    Code code;
    std::memcpy(&code, bytes + i * sizeof(Code), sizeof(Code));
    found = static_cast<Code>(found | ((code & exponent) == exponent));
  }
  return found != 0;
}

/// Index of the first element that is not finite; `count` if there is none. Blocks keep the loop above free of
/// branches.
template <class Code>
size_t first_not_finite(std::span<const uint8_t> bytes, Code exponent) {
  constexpr size_t block = 4096;
  const size_t count = bytes.size() / sizeof(Code);
  for (size_t begin = 0; begin < count; begin += block) {
    const size_t length = std::min(block, count - begin);
    if (!any_not_finite(bytes.data() + begin * sizeof(Code), length, exponent)) continue;
    size_t i = begin;
    while (!any_not_finite(bytes.data() + i * sizeof(Code), 1, exponent)) ++i;
    return i;
  }
  return count;
}

struct Place {
  uint64_t expert, row, column;
};

/// Where stored element `index` lies in the [out, in] matrix of its expert (in the whole stored tensor, if fused).
Place place_of(const TensorRecord& record, uint64_t index) {
  const auto rows = static_cast<uint64_t>(record.stored_rows), columns = static_cast<uint64_t>(record.columns);
  const uint64_t expert = index / (rows * columns), rest = index % (rows * columns);
  if (record.transposed) return {expert, rest % rows, rest / rows};
  return {expert, rest / columns, rest % columns};
}

Error bad_value(const TensorRecord& record, uint64_t index, std::string_view where) {
  const auto [expert, row, column] = place_of(record, index);
  return fail(
      "{}: tensor {} is NaN or infinite at {}row {}, column {}; the file is damaged or its training diverged: download "
      "it again",
      where, record.name, record.experts > 1 ? fmt::format("expert {}, ", expert) : "", row, column);
}

}  // namespace

Status check_values(const TensorRecord& record, std::span<const uint8_t> values, uint64_t first_byte,
                    std::string_view where) {
  const auto report = [&](size_t found, size_t bytes) -> Status {
    if (found == values.size() / bytes) return {};
    return bad_value(record, first_byte / bytes + found, where);
  };
  switch (record.encoding) {
    case Encoding::bf16: return report(first_not_finite<uint16_t>(values, 0x7f80), 2);
    case Encoding::f16: return report(first_not_finite<uint16_t>(values, 0x7c00), 2);
    case Encoding::f32: return report(first_not_finite<uint32_t>(values, 0x7f800000), 4);
    case Encoding::mxfp4_blocks: return {};
  }
  return {};
}

Status check_blocks(const TensorRecord& record, const uint8_t* codes, std::span<const uint8_t> scales,
                    uint64_t first_block, std::string_view where) {
  const size_t found = first_not_finite_mxfp4_block(codes, scales.data(), scales.size());
  if (found == scales.size()) return {};
  const uint64_t index = first_block + found;
  if (scales[found] != e8m0_nan)
    return bad_value(record,
                     index * mxfp4_block + static_cast<uint64_t>(first_not_finite_mxfp4(
                                               codes + found * mxfp4_block_bytes, scales[found])),
                     where);
  const uint64_t blocks = static_cast<uint64_t>(record.columns) / mxfp4_block,
                 rows = static_cast<uint64_t>(record.stored_rows);
  return fail(
      "{}: the scale of tensor {} is 255 (NaN) at expert {}, row {}, block {}; the file is damaged: download it again",
      where, record.name, index / blocks / rows, index / blocks % rows, index % blocks);
}

Status check_tensor(const Checkpoint& checkpoint, const TensorRecord& record) {
  if (record.data.file < 0) return {};
  const std::string& where = checkpoint.manifest().files[static_cast<size_t>(record.data.file)];
  MXPATH_CHECK(check_values(record, checkpoint.data(record), 0, where));
  if (record.encoding != Encoding::mxfp4_blocks) return {};
  return check_blocks(record, checkpoint.data(record).data(), checkpoint.scales(record), 0, where);
}

}  // namespace mxpath
