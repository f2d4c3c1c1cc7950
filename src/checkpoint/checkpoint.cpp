#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "checkpoint/manifest.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

size_t element_bytes(Encoding encoding) { return encoding == Encoding::f32 ? 4 : 2; }

float decode_element(Encoding encoding, const uint8_t* at) {
  if (encoding == Encoding::f32) {
    float value;
    std::memcpy(&value, at, 4);
    return value;
  }
  uint16_t code;
  std::memcpy(&code, at, 2);
  return encoding == Encoding::bf16 ? decode_bf16(code) : decode_fp16(code);
}

/// `stride` elements lie between neighbours of the row: 1, or a whole stored row in the transposed layout.
void decode_plain(Encoding encoding, const uint8_t* first, size_t stride, std::span<float> out) {
  const size_t step = stride * element_bytes(encoding);
  for (size_t i = 0; i < out.size(); ++i) out[i] = decode_element(encoding, first + i * step);
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::string& folder) {
  MXPATH_TRY(Manifest manifest, open_manifest(folder));
  return open(std::move(manifest));
}

Result<Checkpoint> Checkpoint::open(Manifest manifest) {
  if (manifest.header_only) return wrong_use("{}: only a config.json, there are no weights to load", manifest.path);
  Checkpoint checkpoint;
  for (const auto& path : manifest.files) {
    MXPATH_TRY(MappedFile file, MappedFile::open(path));
    checkpoint.files_.push_back(std::move(file));
  }
  checkpoint.manifest_ = std::move(manifest);
  if (const FilePart* part = checkpoint.outside())
    return fail("{}: the file became shorter while it was being opened",
                checkpoint.manifest_.files[static_cast<size_t>(part->file)]);
  return checkpoint;
}

Result<Checkpoint> Checkpoint::in_memory(Manifest manifest, std::vector<Buffer> memory) {
  Checkpoint checkpoint;
  checkpoint.manifest_ = std::move(manifest);
  checkpoint.memory_ = std::move(memory);
  if (const FilePart* part = checkpoint.outside())
    return fail("{}: {} bytes from {} on lie outside buffer {}", checkpoint.manifest_.path, part->bytes, part->offset,
                part->file);
  return checkpoint;
}

std::span<const uint8_t> Checkpoint::file_bytes(int file) const {
  const auto index = static_cast<size_t>(file);
  return memory_.empty() ? files_[index].bytes() : memory_[index].bytes();
}

const FilePart* Checkpoint::outside() const {
  const size_t files = memory_.empty() ? files_.size() : memory_.size();
  for (const auto& tensor : manifest_.tensors)
    for (const FilePart* part : {&tensor.data, &tensor.scales})
      if (part->file >= 0 &&
          (static_cast<size_t>(part->file) >= files || part->offset + part->bytes > file_bytes(part->file).size()))
        return part;
  return nullptr;
}

std::span<const uint8_t> Checkpoint::bytes_of(const FilePart& part) const {
  return part.file < 0 ? std::span<const uint8_t>() : file_bytes(part.file).subspan(part.offset, part.bytes);
}

std::span<const uint8_t> Checkpoint::data(const TensorRecord& record) const { return bytes_of(record.data); }
std::span<const uint8_t> Checkpoint::scales(const TensorRecord& record) const { return bytes_of(record.scales); }

void Checkpoint::decode_row(const TensorRecord& record, int expert, int64_t row, std::span<float> out) const {
  const uint8_t* bytes = data(record).data();
  const auto e = static_cast<size_t>(expert), columns = static_cast<size_t>(record.columns),
             stored_rows = static_cast<size_t>(record.stored_rows);
  const size_t stored_row = e * stored_rows + static_cast<size_t>(record.first_row + row);
  if (record.encoding == Encoding::mxfp4_blocks) {
    const size_t blocks = columns / mxfp4_block, first = stored_row * blocks;
    decode_mxfp4_blocks(bytes + first * mxfp4_block_bytes, scales(record).data() + first, blocks, out.data(),
                        NibbleOrder::adjacent);
  } else if (record.transposed) {
    const size_t first = e * columns * stored_rows + static_cast<size_t>(row);
    decode_plain(record.encoding, bytes + first * element_bytes(record.encoding), stored_rows, out.first(columns));
  } else {
    decode_plain(record.encoding, bytes + stored_row * columns * element_bytes(record.encoding), 1, out.first(columns));
  }
}

void Checkpoint::release(const TensorRecord& record) const {
  if (!memory_.empty()) return;
  for (const FilePart* part : {&record.data, &record.scales})
    if (part->file >= 0) files_[static_cast<size_t>(part->file)].release(part->offset, part->bytes);
}

void Checkpoint::release(const TensorRecord& record, uint64_t offset, uint64_t bytes) const {
  if (!memory_.empty() || record.data.file < 0 || offset >= record.data.bytes) return;
  files_[static_cast<size_t>(record.data.file)].release(record.data.offset + offset,
                                                        std::min(bytes, record.data.bytes - offset));
}

}  // namespace mxpath
