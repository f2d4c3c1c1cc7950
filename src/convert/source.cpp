#include "convert/source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "checkpoint/inventory.h"
#include "convert/source_file.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

namespace fs = std::filesystem;

constexpr size_t block = 32, block_together = 1 + mxfp4_block_bytes, block_q8_0 = 2 + block;
static_assert(block == mxfp4_block);

Stored stored_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::bf16: return Stored::bf16;
    case Encoding::f16: return Stored::f16;
    case Encoding::f32: return Stored::f32;
    case Encoding::mxfp4_blocks: return Stored::mxfp4;
  }
  return Stored::bf16;
}

template <class T>
T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// `step` bytes lie between neighbours.
void read_plain(Stored stored, const uint8_t* at, size_t step, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i, at += step)
    out[i] = stored == Stored::f32   ? load<float>(at)
             : stored == Stored::f16 ? decode_fp16(load<uint16_t>(at))
                                     : decode_bf16(load<uint16_t>(at));
}

/// One block whose scale lies beside it, 32 elements.
void read_block(Stored stored, const uint8_t* at, float* out) {
  if (stored == Stored::q8_0) {
    const float scale = decode_fp16(load<uint16_t>(at));
    for (size_t i = 0; i < block; ++i) out[i] = scale * static_cast<float>(static_cast<int8_t>(at[2 + i]));
    return;
  }
  uint8_t codes[mxfp4_block_bytes];
  std::memcpy(codes, at + 1, sizeof codes);
  decode_mxfp4_block(codes, at[0], out, stored == Stored::mxfp4_halves ? NibbleOrder::halves : NibbleOrder::adjacent);
}

/// Elements [first, first + count) of blocks that lie one after the other from `at` on.
void read_elements(Stored stored, const uint8_t* at, size_t first, size_t count, float* out) {
  float values[block];
  for (size_t i = first; i < first + count;) {
    read_block(stored, at + row_bytes(stored, i / block * block), values);
    const size_t end = std::min(first + count, (i / block + 1) * block);
    std::copy(values + i % block, values + i % block + (end - i), out + (i - first));
    i = end;
  }
}

SourceTensor tensor_of(const TensorRecord& record, const std::vector<MappedFile>& maps) {
  const auto at = [&](const FilePart& part) {
    return maps[static_cast<size_t>(part.file)].bytes().data() + part.offset;
  };
  SourceTensor tensor;
  tensor.role = record.role, tensor.layer = record.layer, tensor.name = record.name;
  tensor.experts = static_cast<size_t>(record.experts);
  tensor.rows = static_cast<size_t>(record.rows), tensor.columns = static_cast<size_t>(record.columns);
  tensor.transposed = record.transposed;
  StoredRows piece;
  piece.stored = stored_of(record.encoding);
  const size_t row = row_bytes(piece.stored, tensor.columns);
  piece.data = at(record.data) + static_cast<size_t>(record.first_row) * row;
  piece.expert_stride = static_cast<size_t>(record.stored_rows) * row;
  if (record.encoding == Encoding::mxfp4_blocks) piece.scales = at(record.scales);
  tensor.pieces = {piece};
  return tensor;
}

Result<Source> open_checkpoint_source(const std::string& folder) {
  MXPATH_TRY(const Manifest manifest, open_manifest(folder));
  Source source;
  for (const auto& path : manifest.files) {
    MXPATH_TRY(MappedFile map, MappedFile::open(path));
    MXPATH_TRY(SourceFile file, source_file(path));
    source.maps.push_back(std::move(map));
    source.files.push_back(std::move(file));
  }
  for (const auto& record : manifest.tensors) {
    for (const FilePart* part : {&record.data, &record.scales})
      if (part->file >= 0 && part->offset + part->bytes > source.maps[static_cast<size_t>(part->file)].bytes().size())
        return fail("{}: the file became shorter while it was being opened",
                    manifest.files[static_cast<size_t>(part->file)]);
    source.tensors.push_back(tensor_of(record, source.maps));
  }
  source.description = name_of(manifest.layout);
  source.weights_folder = manifest.path, source.companion_folder = folder;
  source.config = manifest.config, source.layout = manifest.layout, source.remarks = manifest.remarks;
  source.remarks.insert(source.remarks.end(), manifest.decisions.begin(), manifest.decisions.end());
  source.config_path = (fs::path(manifest.path) / "config.json").string();
  if (std::error_code ignored; !fs::exists(source.config_path, ignored))
    source.config_path = (fs::path(folder) / "config.json").string();
  MXPATH_TRY(SourceFile config, source_file(source.config_path));
  source.files.push_back(std::move(config));
  return source;
}

const MappedFile* map_of(const std::vector<MappedFile>& maps, const uint8_t* at) {
  const auto found = std::find_if(maps.begin(), maps.end(), [&](const MappedFile& map) {
    return at >= map.bytes().data() && at < map.bytes().data() + map.bytes().size();
  });
  return found == maps.end() ? nullptr : &*found;
}

/// The first part of a GGUF in a folder that has no safetensors.
std::string gguf_in_folder(const std::string& folder) {
  const auto names = list_folder(folder);
  if (!names.ok()) return "";
  std::string found;
  for (const auto& name : *names) {
    if (name.ends_with(".safetensors")) return "";
    if (name.ends_with(".gguf") && found.empty()) found = name;
    else if (name.ends_with(".gguf") && !glob_match("*-*-of-*.gguf", name)) return "";
  }
  return found.empty() ? "" : (fs::path(folder) / found).string();
}

}  // namespace

bool is_mxfp4(Stored stored) {
  return stored == Stored::mxfp4 || stored == Stored::mxfp4_halves || stored == Stored::mxfp4_together;
}

size_t block_elements(Stored stored) { return stored == Stored::q8_0 || is_mxfp4(stored) ? block : 1; }

size_t row_bytes(Stored stored, size_t elements) {
  switch (stored) {
    case Stored::f32: return elements * 4;
    case Stored::q8_0: return elements / block * block_q8_0;
    case Stored::mxfp4: return elements / 2;
    case Stored::mxfp4_halves:
    case Stored::mxfp4_together: return elements / block * block_together;
    default: return elements * 2;
  }
}

Result<SourceFile> source_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail("{}: its size cannot be read: {}", path, std::strerror(errno));
  const auto nanoseconds = [](const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; };
  return SourceFile{fs::path(path).filename().string(), static_cast<uint64_t>(info.st_size), nanoseconds(info.st_mtim),
                    nanoseconds(info.st_ctim)};
}

bool SourceTensor::mxfp4() const {
  return std::all_of(pieces.begin(), pieces.end(),
                     [&](const StoredRows& piece) { return is_mxfp4(piece.stored) && !shares_blocks(piece); });
}

size_t SourceTensor::expert_bytes(const StoredRows& piece) const {
  return shares_blocks(piece) ? 0 : rows / pieces.size() * row_bytes(piece.stored, columns);
}

void SourceTensor::read_row(size_t expert, size_t row, float* out) const {
  const StoredRows& piece = pieces[row % pieces.size()];
  const size_t piece_row = row / pieces.size();
  if (shares_blocks(piece))
    return read_elements(piece.stored, piece.data, (expert * piece.expert_rows + piece.first_row + piece_row) * columns,
                         columns, out);
  const uint8_t* base = piece.data + expert * piece.expert_stride;
  if (transposed) {
    const size_t element = row_bytes(piece.stored, 1);
    return read_plain(piece.stored, base + row * element, rows * element, columns, out);
  }
  const uint8_t* at = base + piece_row * row_bytes(piece.stored, columns);
  if (piece.stored == Stored::mxfp4)
    return decode_mxfp4_blocks(at, piece.scales + (expert * rows + row) * (columns / block), columns / block, out,
                               NibbleOrder::adjacent);
  if (block_elements(piece.stored) > 1) return read_elements(piece.stored, at, 0, columns, out);
  read_plain(piece.stored, at, row_bytes(piece.stored, 1), columns, out);
}

void SourceTensor::read_block_row(size_t expert, size_t row, uint8_t* codes, uint8_t* scales) const {
  const StoredRows& piece = pieces[row % pieces.size()];
  const size_t blocks = columns / mxfp4_block, piece_row = row / pieces.size();
  const uint8_t* at = piece.data + expert * piece.expert_stride + piece_row * row_bytes(piece.stored, columns);
  if (piece.stored == Stored::mxfp4) {
    std::memcpy(codes, at, blocks * mxfp4_block_bytes);
    std::memcpy(scales, piece.scales + (expert * rows + row) * blocks, blocks);
    return;
  }
  for (size_t b = 0; b < blocks; ++b, at += block_together) {
    scales[b] = at[0];
    if (piece.stored == Stored::mxfp4_halves) halves_to_adjacent(at + 1, codes + b * mxfp4_block_bytes);
    else std::memcpy(codes + b * mxfp4_block_bytes, at + 1, mxfp4_block_bytes);
  }
}

const SourceTensor* Source::find(Role role, int layer) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const SourceTensor& t) { return t.role == role && t.layer == layer; });
  return found == tensors.end() ? nullptr : &*found;
}

const std::string& Source::path_of(const uint8_t* at) const {
  const MappedFile* map = map_of(maps, at);
  return map ? map->path() : weights_folder;
}

Status Source::check_file(size_t index) const {
  const std::string& path = index < maps.size() ? maps[index].path() : config_path;
  const auto now = source_file(path);
  if (now.ok() && *now == files[index]) return {};
  return fail(
      "{}: this file of the source {} while it was being converted; delete the unfinished folder and convert again "
      "once it stays as it is",
      path, now.ok() ? "was changed" : "disappeared");
}

Error Source::unreadable(const uint8_t* at) const {
  if (auto changed = check_unchanged(at); !changed.ok()) return std::move(changed).error();
  return fail("{}: this file of the source cannot be read any more; check its disk, then resume the conversion",
              path_of(at));
}

Status Source::check_unchanged() const {
  for (size_t i = 0; i < files.size(); ++i) MXPATH_CHECK(check_file(i));
  return {};
}

Status Source::check_unchanged(const uint8_t* at) const {
  const MappedFile* map = map_of(maps, at);
  return map ? check_file(static_cast<size_t>(map - maps.data())) : Status();
}

void Source::release(const uint8_t* begin, size_t bytes) const {
  if (const MappedFile* map = map_of(maps, begin))
    map->release(static_cast<size_t>(begin - map->bytes().data()), bytes);
}

void Source::will_need(const uint8_t* begin, size_t bytes) const {
  if (const MappedFile* map = map_of(maps, begin))
    map->will_need(static_cast<size_t>(begin - map->bytes().data()), bytes);
}

Error no_memory(const std::string& source) {
  return fail(
      "{}: no memory is left to convert it; close other programs, or raise the memory limit (ulimit -v), then resume "
      "the conversion",
      source);
}

bool is_gguf_file(const std::string& path) {
  char magic[4] = {};
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && std::ifstream(path, std::ios::binary).read(magic, 4) &&
         std::memcmp(magic, "GGUF", 4) == 0;
}

Result<Source> open_source(const std::string& path) {
  if (is_gguf_file(path)) return open_gguf_source(path);
  if (const std::string gguf = gguf_in_folder(path); !gguf.empty()) return open_gguf_source(gguf);
  return open_checkpoint_source(path);
}

}  // namespace mxpath::convert
