#include <array>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "checkpoint/watched_safetensors.h"

namespace mxpath {
namespace {

std::string padded_dump(const Json& json) {
  std::string text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

Result<std::string> header_text(std::span<const SafetensorsItem> items,
                                const std::map<std::string, std::string>& metadata, const std::string& path) {
  // An ordered_json looks keys up linearly; a plain vector of members keeps a large header linear.
  Json header = Json::object();
  auto& members = header.get_ref<Json::object_t&>();
  if (!metadata.empty()) members.Container::emplace_back("__metadata__", metadata);
  std::set<std::string_view> names;
  uint64_t end = 0;
  for (const auto& item : items) {
    const auto bytes = bytes_of(item.dtype, item.shape);
    if (item.name == "__metadata__" || !names.insert(item.name).second)
      return fail("{}: tensor name \"{}\" is taken", path, printable(item.name));
    if (!bytes || *bytes > (uint64_t{1} << 62) - end)
      return fail("{}: tensor \"{}\" of shape {} is too large", path, printable(item.name), shape_text(item.shape));
    members.Container::emplace_back(
        item.name, Json{{"dtype", name_of(item.dtype)}, {"shape", item.shape}, {"data_offsets", {end, end + *bytes}}});
    end += *bytes;
  }
  try {
    std::string text = padded_dump(header);
    if (text.size() > safetensors_header_limit)
      return fail("{}: the header would be {} bytes long, over the limit of {}", path, text.size(),
                  safetensors_header_limit);
    return text;
  } catch (const Json::exception&) {
    return fail("{}: a tensor name or a metadata value is not UTF-8", path);
  }
}

Status write_item(NewFile& file, const SafetensorsItem& item, const std::string& path) {
  const uint64_t bytes = *bytes_of(item.dtype, item.shape);
  if (!item.data) return file.skip(bytes);
  uint64_t written = 0;
  MXPATH_CHECK(item.data([&](std::span<const uint8_t> piece) -> Status {
    written += piece.size();
    if (written > bytes)
      return fail("{}: tensor \"{}\" is {} bytes long, but more were given", path, printable(item.name), bytes);
    return file.write(piece);
  }));
  if (written != bytes)
    return fail("{}: tensor \"{}\" is {} bytes long, but only {} were given", path, printable(item.name), bytes,
                written);
  return {};
}

}  // namespace

Status write_safetensors(const std::string& path, std::span<const SafetensorsItem> items,
                         const std::map<std::string, std::string>& metadata) {
  return write_safetensors(path, items, metadata, {});
}

Status write_safetensors(const std::string& path, std::span<const SafetensorsItem> items,
                         const std::map<std::string, std::string>& metadata, WriteWatch watch) {
  MXPATH_TRY(const std::string header, header_text(items, metadata, path));
  MXPATH_TRY(NewFile file, NewFile::create(path, std::move(watch)));
  std::array<uint8_t, 8> length{};
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(header.size() >> (8 * i));
  MXPATH_CHECK(file.write(length));
  MXPATH_CHECK(file.write({reinterpret_cast<const uint8_t*>(header.data()), header.size()}));
  for (const auto& item : items) MXPATH_CHECK(write_item(file, item, path));
  return file.finish();
}

}  // namespace mxpath
