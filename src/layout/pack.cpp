// From the checkpoint's bytes to a layout, on all threads.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/text.h"
#include "checkpoint/check_values.h"
#include "formats/bf16.h"
#include "formats/mxfp4.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

// Rows handled at a time: four groups, and 128 bytes a column of a transposed tensor, so that no line of the file is
// read twice.
constexpr int64_t slab_rows = 64;

// Pages of the file are given back in pieces of this size: packing holds little beside the packed weights.
constexpr int64_t release_bytes = int64_t{32} << 20;

int64_t bytes_of(Encoding encoding) { return encoding == Encoding::f32 ? 4 : 2; }

/// The least magnitude that a layout would round to infinity.
float limit_of(Layout layout) {
  const NumberFormat format = format_of(layout);
  return format == NumberFormat::fp16   ? 65520.0f
         : format == NumberFormat::bf16 ? 0x1.ffp127f
                                        : std::numeric_limits<float>::infinity();
}

/// Rows of a tensor that is stored [in, out], turned into contiguous rows; `columns` × `count` values of T.
template <class T>
void transpose(const uint8_t* from, int64_t from_stride, int64_t columns, int64_t count, uint8_t* to) {
  constexpr int64_t tile = 32;  // 32 columns of 64 rows are 4 KiB read and 4 KiB written
  for (int64_t c0 = 0; c0 < columns; c0 += tile) {
    const int64_t c1 = c0 + tile < columns ? c0 + tile : columns;
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = c0; c < c1; ++c)
        store_as(to + (r * columns + c) * static_cast<int64_t>(sizeof(T)),
                 load_as<T>(from + (c * from_stride + r) * static_cast<int64_t>(sizeof(T))));
  }
}

/// One tensor of the checkpoint and the rows of the target that it fills.
class Packer {
 public:
  Packer(const PackTarget& target, const Checkpoint& checkpoint, const TensorRecord& record, int64_t target_row)
      : target_(target),
        code_(layout_code(target.layout)),
        checkpoint_(checkpoint),
        record_(record),
        data_(checkpoint.data(record).data()),
        target_row_(target_row) {
    if (record.encoding == Encoding::mxfp4_blocks) scales_ = checkpoint.scales(record).data();
  }

  /// Adds the number of values that the target holds as another number to *rounded, which may be null.
  Status run(ThreadPool& threads, uint64_t* rounded) {
    // Slabs are aligned to the target's groups of 16: two threads never write into one group.
    first_ = target_row_ / slab_rows, slabs_ = round_up(target_row_ + record_.rows, slab_rows) / slab_rows - first_;
    std::vector<Status> found(static_cast<size_t>(threads.size()));
    std::atomic<uint64_t> changed = 0;
    counts_ = rounded && !direct();
    threads.for_range(static_cast<size_t>(slabs_ * record_.experts), 1, [&](size_t begin, size_t end, int thread) {
      Memory memory = memory_for_thread();
      int64_t held = static_cast<int64_t>(begin);  // first unit whose pages of the file are still resident
      for (size_t unit = begin; unit < end && found[static_cast<size_t>(thread)].ok(); ++unit) {
        found[static_cast<size_t>(thread)] = pack_slab(static_cast<int64_t>(unit), memory);
        held = release_done(held, static_cast<int64_t>(unit) + 1);
      }
      changed += memory.rounded;
    });
    for (Status& status : found) MXPATH_CHECK(std::move(status));
    if (rounded) *rounded += changed;
    return {};
  }

 private:
  /// What one thread works in.
  struct Memory {
    std::vector<uint8_t> slab;     // transposed rows
    std::vector<float> floats;     // one row decoded
    std::vector<uint16_t> narrow;  // a group of rows as BF16
    std::vector<float> held;       // one row as the target holds it
    uint64_t rounded = 0;
  };
  Memory memory_for_thread() const {
    const size_t columns = static_cast<size_t>(record_.columns);
    Memory memory;
    if (record_.transposed) memory.slab.resize(static_cast<size_t>(slab_rows * bytes_of(record_.encoding)) * columns);
    if (!direct())
      memory.floats.resize(columns),
          memory.narrow.resize(code_.direct == Encoding::bf16 ? static_cast<size_t>(rows_per_group) * columns : 0);
    if (counts_) memory.held.resize(columns);
    return memory;
  }

  bool direct() const { return record_.encoding == code_.direct; }

  Status pack_slab(int64_t unit, Memory& memory) const {
    const int64_t expert = unit / slabs_, begin = (first_ + unit % slabs_) * slab_rows;
    const int64_t first = std::max<int64_t>(begin - target_row_, 0),
                  last = std::min(begin + slab_rows - target_row_, record_.rows);
    const RawRows raw = rows(expert, first, last - first, memory.slab);
    for (int64_t i = 0; i < raw.count; ++i)
      if (const int64_t column = first_bad_column(raw, i); column >= 0) return complaint(expert, first + i, column);
    MXPATH_CHECK(put(expert, target_row_ + first, raw, memory));
    for (int64_t i = 0; counts_ && i < raw.count; ++i) {
      decode_raw_row(raw, i, memory.floats.data());
      decode_row(target_.view(), expert, target_row_ + first + i, memory.held.data());
      for (size_t c = 0; c < memory.held.size(); ++c) memory.rounded += memory.held[c] != memory.floats[c];
      MXPATH_CHECK(check_held(memory, expert, first + i));
    }
    return {};
  }

  /// A scale times a code may pass the largest float where the value itself did not.
  Status check_held(const Memory& memory, int64_t expert, int64_t row) const {
    float odd = 0;
    for (float x : memory.held) odd += x - x;  // NaN as soon as one is not finite
    return odd == 0 ? Status()
                    : too_large(memory.floats,
                                std::ranges::find_if(memory.held, [](float x) { return !std::isfinite(x); }) -
                                    memory.held.begin(),
                                expert, row);
  }

  Error too_large(const std::vector<float>& row_values, int64_t column, int64_t expert, int64_t row) const {
    const std::string of_expert = record_.experts > 1 ? fmt::format("expert {}, ", expert) : "";
    return fail(
        "{}: tensor {} is {} at {}row {}, column {}, more than {} can hold; hold these weights as they are stored",
        checkpoint_.manifest().files[static_cast<size_t>(record_.data.file)], record_.name,
        row_values[static_cast<size_t>(column)], of_expert, row, column, name_of(format_of(target_.layout)));
  }

  /// Gives the file's pages of units [held, done) back once they are worth a system call; returns the first unit still
  /// held.
  int64_t release_done(int64_t held, int64_t done) const {
    const int64_t unit_bytes = slab_rows * record_.columns *
                               (record_.encoding == Encoding::mxfp4_blocks ? 1 : 2 * bytes_of(record_.encoding)) / 2;
    // A transposed expert is read whole for every slab, so it goes when its last slab is done.
    const bool whole_expert = done % slabs_ == 0;
    if (record_.transposed ? !whole_expert : (done - held) * unit_bytes < release_bytes) return held;
    const int64_t row_bytes = record_.transposed ? 0 : unit_bytes / slab_rows,
                  expert_bytes = record_.columns * record_.stored_rows * bytes_of(record_.encoding);
    const auto at = [&](int64_t unit) {
      const int64_t expert = unit / slabs_;
      if (record_.transposed) return expert * expert_bytes;
      return (expert * record_.stored_rows + record_.first_row +
              std::max<int64_t>((first_ + unit % slabs_) * slab_rows - target_row_, 0)) *
             row_bytes;
    };
    checkpoint_.release(record_, static_cast<uint64_t>(at(held)), static_cast<uint64_t>(at(done) - at(held)));
    return done;
  }

  RawRows rows(int64_t expert, int64_t first, int64_t count, std::vector<uint8_t>& slab) const {
    RawRows raw{record_.encoding, count, record_.columns, nullptr, 0, nullptr};
    const int64_t stored_row = record_.first_row + first;
    if (record_.encoding == Encoding::mxfp4_blocks) {
      raw.row_bytes = record_.columns / 2;
      raw.scales = scales_ + (expert * record_.stored_rows + stored_row) * (record_.columns / 32);
    } else {
      raw.row_bytes = record_.columns * bytes_of(record_.encoding);
    }
    if (!record_.transposed) {
      raw.data = data_ + (expert * record_.stored_rows + stored_row) * raw.row_bytes;
      return raw;
    }
    const uint8_t* from =
        data_ + (expert * record_.columns * record_.stored_rows + stored_row) * bytes_of(record_.encoding);
    if (record_.encoding == Encoding::f32)
      transpose<uint32_t>(from, record_.stored_rows, record_.columns, count, slab.data());
    else transpose<uint16_t>(from, record_.stored_rows, record_.columns, count, slab.data());
    raw.data = slab.data();
    return raw;
  }

  Status put(int64_t expert, int64_t row, const RawRows& raw, Memory& memory) const {
    for (int64_t i = 0; i < raw.count;) {
      const int64_t count = std::min(raw.count - i, round_up(row + i + 1, rows_per_group) - row - i);
      RawRows part = raw;
      part.count = count, part.data = raw.row(i), part.scales = raw.scales ? raw.row_scales(i) : nullptr;
      if (direct()) code_.put_stored(target_, expert, row + i, part);
      else MXPATH_CHECK(put_decoded(expert, row + i, part, memory));
      i += count;
    }
    return {};
  }

  Status put_decoded(int64_t expert, int64_t row, const RawRows& raw, Memory& memory) const {
    const bool narrow = code_.direct == Encoding::bf16;
    for (int64_t i = 0; i < raw.count; ++i) {
      decode_raw_row(raw, i, memory.floats.data());
      MXPATH_CHECK(check_range(memory.floats, expert, row + i - target_row_));
      if (narrow)
        std::transform(memory.floats.begin(), memory.floats.end(), memory.narrow.begin() + i * raw.columns,
                       encode_bf16);
      else code_.put_floats(target_, expert, row + i, memory.floats.data());
    }
    if (!narrow) return {};
    // Sixteen rows at once: one at a time would write every line of a group sixteen times.
    const RawRows rows{Encoding::bf16,  raw.count, raw.columns, reinterpret_cast<const uint8_t*>(memory.narrow.data()),
                       raw.columns * 2, nullptr};
    code_.put_stored(target_, expert, row, rows);
    return {};
  }

  /// What is too large for the format would become an infinity, and a sum with it nonsense.
  Status check_range(const std::vector<float>& row_values, int64_t expert, int64_t row) const {
    uint32_t largest = 0;
    for (float x : row_values) largest = std::max(largest, std::bit_cast<uint32_t>(x) & 0x7fffffff);
    if (std::bit_cast<float>(largest) < limit_of(target_.layout)) return {};
    const auto outside =
        std::ranges::find_if(row_values, [&](float x) { return std::bit_cast<uint32_t>(std::fabs(x)) == largest; });
    return too_large(row_values, outside - row_values.begin(), expert, row);
  }

  /// The sentence that checkpoint/check_values has for a value that is no number.
  Status complaint(int64_t expert, int64_t row, int64_t column) const {
    const std::string& file = checkpoint_.manifest().files[static_cast<size_t>(record_.data.file)];
    const int64_t stored_row = expert * record_.stored_rows + record_.first_row + row;
    if (record_.encoding == Encoding::mxfp4_blocks) {
      const int64_t at = (stored_row * record_.columns + column) / 32;
      return check_blocks(record_, data_ + at * mxfp4_block_bytes, {scales_ + at, 1}, static_cast<uint64_t>(at), file);
    }
    const int64_t size = bytes_of(record_.encoding);
    const int64_t first = record_.transposed
                              ? (expert * record_.columns + column) * record_.stored_rows + record_.first_row + row
                              : stored_row * record_.columns + column;
    return check_values(record_, {data_ + first * size, static_cast<size_t>(size)}, static_cast<uint64_t>(first * size),
                        file);
  }

  const PackTarget target_;
  const LayoutCode& code_;
  const Checkpoint& checkpoint_;
  const TensorRecord& record_;
  const uint8_t* data_;
  const uint8_t* scales_ = nullptr;
  int64_t target_row_, first_ = 0, slabs_ = 0;
  bool counts_ = false;
};

PackTarget target_of(Layout layout, int64_t experts, int64_t rows, int64_t columns, std::span<uint8_t> bytes) {
  PackTarget target{layout, experts, rows, columns, bytes.data(), nullptr};
  if (scale_bytes(layout, rows, columns) > 0)
    target.scales = bytes.data() + round_up(experts * code_bytes(layout, rows, columns), 64);
  return target;
}

}  // namespace

Result<PackedMatrix> pack(Layout layout, const PackSource& source, std::span<uint8_t> target, ThreadPool& threads,
                          uint64_t* rounded) {
  const TensorRecord& first = *source.stacked.front();
  int64_t rows = 0;
  for (const TensorRecord* record : source.stacked) rows += record->rows;
  if (const int group = group_of(layout); group && first.columns % group != 0)
    return fail(
        "{}: {} columns do not divide into groups of {}, which {} needs; choose a format without groups such as bf16 "
        "or int8",
        first.name, first.columns, group, name_of(layout));
  if (target.size() < layout_bytes(layout, first.experts, rows, first.columns))
    return fail("{}: {} bytes are not enough for layout {}", first.name, target.size(), name_of(layout));
  const PackTarget matrix = target_of(layout, first.experts, rows, first.columns, target);
  int64_t row = 0;
  for (const TensorRecord* record : source.stacked) {
    Packer packer(matrix, *source.checkpoint, *record, row);
    const Status status = packer.run(threads, rounded);
    source.checkpoint->release(*record);
    MXPATH_CHECK(status);
    row += record->rows;
  }
  return matrix.view();
}

PackedMatrix pack_floats(Layout layout, int64_t experts, int64_t rows, int64_t columns, std::span<const float> values,
                         std::span<uint8_t> target) {
  const PackTarget matrix = target_of(layout, experts, rows, columns, target);
  for (int64_t e = 0; e < experts; ++e)
    for (int64_t r = 0; r < rows; ++r)
      layout_code(layout).put_floats(matrix, e, r, values.data() + (e * rows + r) * columns);
  return matrix.view();
}

}  // namespace mxpath
