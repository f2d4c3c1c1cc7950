#include "convert/write_tensor.h"

#include <atomic>
#include <future>
#include <new>
#include <system_error>

#include "base/buffer.h"
#include "base/hint.h"
#include "base/text.h"
#include "convert/convert.h"
#include "formats/bf16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

constexpr size_t raw_piece = size_t{1} << 20, band_bytes = size_t{16} << 20, ahead_bytes = size_t{32} << 20;
constexpr size_t band_rows = 128;  // 256 bytes of each transposed row: whole cache lines, few pages

std::string position_text(const TensorWriter& writer, const SourceTensor& tensor, size_t expert, size_t row,
                          size_t column) {
  const StoredRows& piece = tensor.pieces[row % tensor.pieces.size()];
  return fmt::format("{}: tensor {}: expert {}, row {}, column {}", writer.source.path_of(piece.data),
                     printable(tensor.name), expert, row, column);
}

Error not_finite(const std::string& place, std::string_view format) {
  return fail("{} is NaN, infinite, or beyond what {} holds; the source is damaged, or was written wrong", place,
              format);
}

/// Index `i` into BF16 values stored from `first_row` on, columns fastest (or rows, if transposed).
Error not_finite_at(const TensorWriter& writer, const SourceTensor& tensor, size_t expert, size_t first_row,
                    bool transposed, size_t i) {
  return not_finite(transposed
                        ? position_text(writer, tensor, expert, i % tensor.rows, i / tensor.rows)
                        : position_text(writer, tensor, expert, first_row + i / tensor.columns, i % tensor.columns),
                    "BF16");
}

/// Before a piece of a tensor is read.
Status check_unchanged(const TensorWriter& writer, const SourceTensor& tensor) {
  for (const StoredRows& piece : tensor.pieces)
    for (const uint8_t* at : {piece.data, piece.scales})
      if (at) MXPATH_CHECK(writer.source.check_unchanged(at));
  return {};
}

/// Writes one buffer on a thread of its own while the next is filled.
class AsyncWriter {
 public:
  AsyncWriter(const TensorWriter& writer, const WriteBytes& write) : writer_(writer), write_(write) {}
  ~AsyncWriter() {
    if (pending_.valid()) pending_.wait();
  }

  /// Returns a buffer that nobody reads any more; what was in it is written or dropped. Errors of a write come from
  /// submit() and finish().
  Result<uint8_t*> buffer(size_t bytes) {
    Buffer& next = buffers_[turn_];
    if (next.size() < bytes) {
      auto larger = Buffer::allocate(bytes);
      if (!larger.ok()) return no_memory(writer_.source.weights_folder);
      next = std::move(larger).value();
    }
    return next.data();
  }
  Status submit(size_t bytes) {
    MXPATH_CHECK(finish());
    const std::span<const uint8_t> piece(buffers_[turn_].data(), bytes);
    turn_ ^= 1, submitted_ = bytes;
    try {
      pending_ = std::async(std::launch::async, [this, piece] { return write_(piece); });
    } catch (const std::system_error&) {  // no thread to be had
      submitted_ = 0;
      MXPATH_CHECK(write_(piece));
      writer_.on_bytes(bytes);
    }
    return {};
  }
  Status finish() {
    if (!pending_.valid()) return {};
    MXPATH_CHECK(pending_.get());
    writer_.on_bytes(submitted_);
    return {};
  }

 private:
  const TensorWriter& writer_;
  const WriteBytes& write_;
  Buffer buffers_[2];
  std::future<Status> pending_;
  size_t turn_ = 0, submitted_ = 0;
};

/// Runs body(first_row, rows, loss) on bands of an expert's rows, and adds up their losses in order. Error: no memory
/// for what a body needs.
template <class Body>
Status for_bands(const TensorWriter& writer, size_t rows, size_t band, Loss& loss, Body&& body) {
  const size_t bands = (rows + band - 1) / band;
  std::vector<Loss> losses(bands);
  std::atomic<bool> failed = false;
  writer.pool.for_range(bands, 1, [&](size_t begin, size_t end, int) {
    try {
      for (size_t i = begin; i < end; ++i) body(i * band, std::min(band, rows - i * band), losses[i]);
    } catch (const std::bad_alloc&) {  // it must not leave the thread
      failed = true;
    }
  });
  if (failed) return no_memory(writer.source.weights_folder);
  for (const Loss& part : losses) loss.add(part);
  return {};
}

void prefetch(const TensorWriter& writer, const SourceTensor& tensor, size_t expert) {
  if (expert >= tensor.experts) return;
  for (const StoredRows& piece : tensor.pieces)
    writer.source.will_need(piece.data + expert * piece.expert_stride,
                            std::min(ahead_bytes, tensor.expert_bytes(piece)));
}

void release(const TensorWriter& writer, const SourceTensor& tensor, size_t expert) {
  for (const StoredRows& piece : tensor.pieces)
    writer.source.release(piece.data + expert * piece.expert_stride, tensor.expert_bytes(piece));
}

/// Bytes as they are. `check` sees each piece before it is written, and where it starts.
template <class Check>
Status write_raw(const TensorWriter& writer, std::span<const uint8_t> bytes, const WriteBytes& write, Check&& check) {
  for (size_t at = 0; at < bytes.size(); at += raw_piece) {
    const auto piece = bytes.subspan(at, std::min(raw_piece, bytes.size() - at));
    MXPATH_CHECK(writer.source.check_unchanged(piece.data()));
    if (at % ahead_bytes == 0) writer.source.will_need(piece.data(), std::min(ahead_bytes, bytes.size() - at));
    MXPATH_CHECK(check(piece, at));
    MXPATH_CHECK(write(piece));
    writer.source.release(piece.data(), piece.size());
    writer.on_bytes(piece.size());
  }
  return {};
}

Status write_raw_bf16(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write) {
  for (size_t expert = 0; expert < tensor.experts; ++expert) {
    const StoredRows& piece = tensor.pieces.front();
    const std::span<const uint8_t> bytes(piece.data + expert * piece.expert_stride, tensor.expert_bytes(piece));
    MXPATH_CHECK(write_raw(writer, bytes, write, [&](std::span<const uint8_t> read, size_t at) -> Status {
      std::vector<uint16_t> copy;
      const auto* values = reinterpret_cast<const uint16_t*>(read.data());
      if (reinterpret_cast<uintptr_t>(values) % 2) {  // a header of odd length
        copy.resize(read.size() / 2);
        std::copy(read.begin(), read.end(), reinterpret_cast<uint8_t*>(copy.data()));
        values = copy.data();
      }
      const size_t count = read.size() / 2, bad = first_not_finite(values, count);
      return bad == count ? Status() : not_finite_at(writer, tensor, expert, 0, tensor.transposed, at / 2 + bad);
    }));
  }
  return {};
}

void round_row(const float* row, size_t count, uint16_t* out, Loss& loss) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = encode_bf16(row[i]);
    loss.add(row[i], decode_bf16(out[i]));
  }
}

void read_bf16_rows(const SourceTensor& tensor, size_t expert, size_t first, size_t rows, uint16_t* out, Loss& loss) {
  std::vector<float> row(tensor.columns);
  for (size_t r = 0; r < rows; ++r) {
    tensor.read_row(expert, first + r, row.data());
    round_row(row.data(), tensor.columns, out + r * tensor.columns, loss);
  }
}

/// Row-major, in pieces of band_bytes.
Status write_rounded(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write, Loss& loss) {
  AsyncWriter writing(writer, write);
  const size_t piece_rows = std::max<size_t>(1, band_bytes / (tensor.columns * 2));
  for (size_t expert = 0; expert < tensor.experts; ++expert) {
    for (size_t first = 0; first < tensor.rows; first += piece_rows) {
      const size_t rows = std::min(piece_rows, tensor.rows - first);
      MXPATH_CHECK(check_unchanged(writer, tensor));
      MXPATH_TRY(uint8_t * bytes, writing.buffer(rows * tensor.columns * 2));
      auto* out = reinterpret_cast<uint16_t*>(bytes);
      MXPATH_CHECK(for_bands(writer, rows, band_rows, loss, [&](size_t begin, size_t count, Loss& part) {
        read_bf16_rows(tensor, expert, first + begin, count, out + begin * tensor.columns, part);
      }));
      const size_t count = rows * tensor.columns, bad = first_not_finite(out, count);
      if (bad < count) return not_finite_at(writer, tensor, expert, first, false, bad);
      MXPATH_CHECK(writing.submit(count * 2));
    }
    release(writer, tensor, expert);
  }
  return writing.finish();
}

/// One band of an expert as columns of `out` [columns, rows].
void fill_columns(const SourceTensor& tensor, size_t expert, size_t first, size_t rows, uint16_t* out, Loss& loss) {
  if (tensor.mxfp4()) {
    const size_t blocks = tensor.columns / mxfp4_block;
    std::vector<uint8_t> codes(rows * blocks * mxfp4_block_bytes), scales(rows * blocks);
    for (size_t r = 0; r < rows; ++r)
      tensor.read_block_row(expert, first + r, &codes[r * blocks * mxfp4_block_bytes], &scales[r * blocks]);
    decode_transposed({codes.data(), scales.data()}, rows, blocks, out + first, tensor.rows);
    loss.values += rows * tensor.columns;
    return;
  }
  std::vector<uint16_t> values(rows * tensor.columns);
  read_bf16_rows(tensor, expert, first, rows, values.data(), loss);
  transpose(values.data(), rows, tensor.columns, out + first, tensor.rows);
}

Status write_transposed(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write, Loss& loss) {
  AsyncWriter writing(writer, write);
  const size_t count = tensor.rows * tensor.columns;
  for (size_t expert = 0; expert < tensor.experts; ++expert) {
    MXPATH_CHECK(check_unchanged(writer, tensor));
    prefetch(writer, tensor, expert + 1);
    MXPATH_TRY(uint8_t * bytes, writing.buffer(count * 2));
    auto* out = reinterpret_cast<uint16_t*>(bytes);
    MXPATH_CHECK(for_bands(writer, tensor.rows, band_rows, loss, [&](size_t first, size_t rows, Loss& part) {
      fill_columns(tensor, expert, first, rows, out, part);
    }));
    const size_t bad = first_not_finite(out, count);
    if (bad < count) return not_finite_at(writer, tensor, expert, 0, true, bad);
    MXPATH_CHECK(writing.submit(count * 2));
    release(writer, tensor, expert);
  }
  return writing.finish();
}

/// Codes and scales of one band of an expert.
void fill_blocks(const TensorWriter& writer, const SourceTensor& tensor, size_t expert, size_t first, size_t rows,
                 uint8_t* codes, uint8_t* scales, Loss& loss) {
  const size_t blocks = tensor.columns / mxfp4_block, row_codes = blocks * mxfp4_block_bytes;
  codes += first * row_codes, scales += first * blocks;
  const StoredRows& piece = tensor.pieces.front();
  const auto* in = reinterpret_cast<const uint16_t*>(piece.data + expert * piece.expert_stride);
  if (tensor.transposed && tensor.plain_bf16() && reinterpret_cast<uintptr_t>(in) % 2 == 0) {
    encode_transposed(in + first, tensor.rows, rows, blocks, writer.rule, codes, scales, loss);
    return;
  }
  std::vector<float> row(tensor.columns);
  for (size_t r = 0; r < rows; ++r, codes += row_codes, scales += blocks) {
    if (tensor.mxfp4()) {
      tensor.read_block_row(expert, first + r, codes, scales);
      continue;
    }
    tensor.read_row(expert, first + r, row.data());
    encode_row(row.data(), blocks, writer.rule, codes, scales, loss);
  }
}

/// Numbers that an MXFP4 source cannot have meant, or that rounding made infinite: `ceil` may round 3.5 up to 4 under
/// the scale 2^126.
Status check_blocks(const TensorWriter& writer, const SourceTensor& tensor, size_t expert, const uint8_t* codes,
                    std::span<const uint8_t> scales) {
  const size_t bad = first_not_finite_mxfp4_block(codes, scales.data(), scales.size());
  if (bad == scales.size()) return {};
  const size_t blocks = tensor.columns / mxfp4_block;
  const auto element = static_cast<size_t>(first_not_finite_mxfp4(codes + bad * mxfp4_block_bytes, scales[bad]));
  const std::string where = position_text(writer, tensor, expert, bad / blocks, bad % blocks * mxfp4_block + element);
  if (tensor.mxfp4() || scales[bad] == e8m0_nan) return not_finite(where, "FP32");
  return fail("{} becomes larger than FP32 can hold under {}; choose {} or nearest, which saturate", where,
              mention(Knob::scale_rule, name_of(writer.rule)), mention(Knob::scale_rule, "ocp"));
}

/// Blocks that are stored as they are to be written. Each expert is looked at once, while its pages are there.
Status write_raw_codes(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write,
                       std::vector<uint8_t>& scales) {
  const StoredRows& piece = tensor.pieces.front();
  const size_t expert_scales = scales.size() / tensor.experts, expert_codes = expert_scales * mxfp4_block_bytes;
  for (size_t expert = 0; expert < tensor.experts; ++expert) {
    MXPATH_CHECK(check_unchanged(writer, tensor));
    const std::span<uint8_t> own_scales(scales.data() + expert * expert_scales, expert_scales);
    const std::span<const uint8_t> codes(piece.data + expert * expert_codes, expert_codes);
    std::copy_n(piece.scales + expert * expert_scales, expert_scales, own_scales.begin());
    MXPATH_CHECK(check_blocks(writer, tensor, expert, codes.data(), own_scales));
    MXPATH_CHECK(write_raw(writer, codes, write, [](auto, size_t) { return Status(); }));
  }
  return {};
}

}  // namespace

Status write_bf16(const TensorWriter& writer, const SourceTensor& tensor, bool transposed, const WriteBytes& write,
                  Loss& loss) {
  if (tensor.plain_bf16() && tensor.transposed == transposed) return write_raw_bf16(writer, tensor, write);
  return transposed ? write_transposed(writer, tensor, write, loss) : write_rounded(writer, tensor, write, loss);
}

Status write_codes(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write,
                   std::vector<uint8_t>& scales, Loss& loss) {
  const size_t expert_scales = tensor.rows * tensor.columns / mxfp4_block,
               expert_codes = expert_scales * mxfp4_block_bytes;
  scales.resize(tensor.experts * expert_scales);
  if (tensor.pieces.front().stored == Stored::mxfp4) return write_raw_codes(writer, tensor, write, scales);
  AsyncWriter writing(writer, write);
  for (size_t expert = 0; expert < tensor.experts; ++expert) {
    MXPATH_CHECK(check_unchanged(writer, tensor));
    prefetch(writer, tensor, expert + 1);
    MXPATH_TRY(uint8_t * codes, writing.buffer(expert_codes));
    uint8_t* own_scales = scales.data() + expert * expert_scales;
    MXPATH_CHECK(for_bands(writer, tensor.rows, band_rows, loss, [&](size_t first, size_t rows, Loss& part) {
      fill_blocks(writer, tensor, expert, first, rows, codes, own_scales, part);
    }));
    MXPATH_CHECK(check_blocks(writer, tensor, expert, codes, {own_scales, expert_scales}));
    MXPATH_CHECK(writing.submit(expert_codes));
    release(writer, tensor, expert);
  }
  return writing.finish();
}

Status write_scales(const TensorWriter& writer, const std::vector<uint8_t>& scales, const WriteBytes& write) {
  MXPATH_CHECK(write(scales));
  writer.on_bytes(scales.size());
  return {};
}

}  // namespace mxpath::convert
