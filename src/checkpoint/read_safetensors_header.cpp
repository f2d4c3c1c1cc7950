#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/system_file.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"

namespace mxpath {
namespace {

/// Reads up to bytes.size() bytes from `offset`; fewer only at the end of the file.
Result<size_t> read_at(int fd, uint64_t offset, std::span<uint8_t> bytes, const std::string& path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("{}: cannot be read: {}", path, std::strerror(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

/// A clone without git-lfs leaves a text of about 130 bytes in place of every large file.
bool is_lfs_pointer(std::span<const uint8_t> start) {
  constexpr std::string_view sign = "version https://git-lfs";
  return start.size() >= sign.size() && std::memcmp(start.data(), sign.data(), sign.size()) == 0;
}

/// What a failed download leaves under a file's name: a page, or a line such as "Entry not found". The first eight
/// bytes of weights are a length below 2^27, so four of them are zero.
std::optional<std::string> text_in_place(std::span<const uint8_t> start) {
  std::string_view text(reinterpret_cast<const char*>(start.data()), std::min<size_t>(start.size(), 256));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto is_text = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; };
  if (text.size() < 8 || !std::all_of(text.begin(), text.begin() + 8, is_text)) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of(" \r\n\t"), text.size()));
  if (text.starts_with('<')) return "a web page";
  return fmt::format("a text that starts with \"{}\"", printable(text.substr(0, text.find_first_of("\r\n")), 40));
}

}  // namespace

Result<SafetensorsHeader> read_safetensors_header(const std::string& path, HeaderAllowance* left) {
  // Most headers fit into the first read; 60 KiB is that of a gpt-oss-120b in one file.
  constexpr size_t first_read = 64 << 10;
  MXPATH_TRY(const RegularFile opened, open_regular_file(path));
  const int file = opened.file.fd();
  const uint64_t size = opened.size;
  std::vector<uint8_t> start(std::min<uint64_t>(size, first_read));
  MXPATH_TRY(const size_t got, read_at(file, 0, start, path));
  start.resize(got);
  if (is_lfs_pointer(start))
    return fail("{}: a Git LFS pointer, not the weights themselves; run `git lfs pull` in that folder", path);
  if (const auto text = text_in_place(start)) return fail("{}: {}, not weights; download the file again", path, *text);
  uint64_t length = 0;
  if (got >= 8) std::memcpy(&length, start.data(), 8);
  if (length <= std::min(left ? left->bytes : safetensors_header_limit, size - std::min<uint64_t>(size, 8)) &&
      8 + length > got) {
    start.resize(8 + length);
    MXPATH_TRY(const size_t rest, read_at(file, got, std::span(start).subspan(got), path));
    start.resize(got + rest);
  }
  return parse_safetensors(start, size, path, left);
}

}  // namespace mxpath
