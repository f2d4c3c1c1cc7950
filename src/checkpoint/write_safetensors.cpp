#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/system_file.h"

namespace mxpath {
namespace {

/// A file that appears under its name only when it is whole; until then it has a temporary name, and is removed if never finished.
class FileInTheMaking {
 public:
  static Result<FileInTheMaking> create(const std::string& path) {
    static std::atomic<unsigned> count = 0;
    const std::string temporary = fmt::format("{}.{}-{}.part", path, ::getpid(), count++);
    SystemFile file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.fd() < 0) return fail("{}: cannot be created: {}", path, std::strerror(errno));
    return FileInTheMaking(std::move(file), path, temporary);
  }
  FileInTheMaking(FileInTheMaking&& other) noexcept
      : file_(std::move(other.file_)), path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}
  ~FileInTheMaking() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  Status write(std::span<const uint8_t> bytes) {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t put = ::write(file_.fd(), bytes.data() + done, bytes.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return write_error();
      done += static_cast<size_t>(put);
    }
    return {};
  }
  Status skip(uint64_t bytes) {
    const off_t end = ::lseek(file_.fd(), static_cast<off_t>(bytes), SEEK_CUR);
    if (end < 0 || ::ftruncate(file_.fd(), end) != 0) return write_error();
    return {};
  }
  /// Syncs the file, gives it its name, and syncs the folder, so that a power cut leaves the old file or the new one.
  Status finish() {
    if (::fsync(file_.fd()) != 0 || !file_.close()) return write_error();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return fail("{}: cannot be put in place: {}", path_, std::strerror(errno));
    temporary_.clear();
    const auto folder = std::filesystem::path(path_).parent_path();
    SystemFile directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.fd() >= 0) ::fsync(directory.fd());  // some file systems cannot; the file itself is safe
    return {};
  }

 private:
  FileInTheMaking(SystemFile file, std::string path, std::string temporary)
      : file_(std::move(file)), path_(std::move(path)), temporary_(std::move(temporary)) {}
  Error write_error() const {
    if (errno == ENOSPC) return fail("{}: the disk is full; free some space and try again", path_);
    return fail("{}: cannot be written: {}", path_, std::strerror(errno));
  }

  SystemFile file_;
  std::string path_, temporary_;
};

std::string padded_dump(const Json& json) {
  std::string text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

Result<std::string> header_text(std::span<const SafetensorsItem> items, const std::map<std::string, std::string>& metadata,
                                const std::string& path) {
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
    members.Container::emplace_back(item.name,
                                    Json{{"dtype", name_of(item.dtype)}, {"shape", item.shape}, {"data_offsets", {end, end + *bytes}}});
    end += *bytes;
  }
  try {
    std::string text = padded_dump(header);
    if (text.size() > safetensors_header_limit)
      return fail("{}: the header would be {} bytes long, over the limit of {}", path, text.size(), safetensors_header_limit);
    return text;
  } catch (const Json::exception&) {
    return fail("{}: a tensor name or a metadata value is not UTF-8", path);
  }
}

Status write_item(FileInTheMaking& file, const SafetensorsItem& item, const std::string& path) {
  const uint64_t bytes = *bytes_of(item.dtype, item.shape);
  if (!item.data) return file.skip(bytes);
  uint64_t written = 0;
  MXPATH_CHECK(item.data([&](std::span<const uint8_t> piece) -> Status {
    written += piece.size();
    if (written > bytes) return fail("{}: tensor \"{}\" is {} bytes long, but more were given", path, printable(item.name), bytes);
    return file.write(piece);
  }));
  if (written != bytes)
    return fail("{}: tensor \"{}\" is {} bytes long, but only {} were given", path, printable(item.name), bytes, written);
  return {};
}

}  // namespace

Status write_safetensors(const std::string& path, std::span<const SafetensorsItem> items,
                         const std::map<std::string, std::string>& metadata) {
  MXPATH_TRY(const std::string header, header_text(items, metadata, path));
  MXPATH_TRY(FileInTheMaking file, FileInTheMaking::create(path));
  std::array<uint8_t, 8> length{};
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(header.size() >> (8 * i));
  MXPATH_CHECK(file.write(length));
  MXPATH_CHECK(file.write({reinterpret_cast<const uint8_t*>(header.data()), header.size()}));
  for (const auto& item : items) MXPATH_CHECK(write_item(file, item, path));
  return file.finish();
}

}  // namespace mxpath
