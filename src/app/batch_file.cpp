#include "app/batch_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "app/token_file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "checkpoint/new_file.h"

namespace mxpath {
namespace {

/// Whether a line is the answer to input line `index`; true: it is an error.
Result<bool> check_answer(std::string_view line, uint64_t index, std::span<const BatchInput> input,
                          std::string_view settings, const std::string& path) {
  const auto where = fmt::format("{} line {}", printable(path), index + 1);
  constexpr std::string_view remedy = "give another file, or the input that this one was made from";
  if (index >= input.size()) return fail("{}: the input has only {}; {}", where, plural(input.size(), "line"), remedy);
  const auto json = parse_json(line, where);
  if (!json.ok()) return fail("{}; {}", json.error().message, remedy);
  if (!json->is_object() || !json->contains("index") || !json->contains("input"))
    return fail("{}: this is no answer of a batch; {}", where, remedy);
  if ((*json)["index"] != index || (*json)["input"] != input_hash(input[index].text))
    return fail("{}: this is the answer to another line; {}", where, remedy);
  if (!settings.empty() && json->value("settings", Json(settings)) != settings)
    return fail(
        "{}: this answer was made with other options or by another model; give another file, or the options of "
        "the run that began this one",
        where);
  return json->contains("error");
}

}  // namespace

std::string input_hash(std::string_view text) {
  return sha256({reinterpret_cast<const uint8_t*>(text.data()), text.size()}).substr(0, 16);
}

Result<BatchFile> BatchFile::open(const std::string& path, std::span<const BatchInput> input,
                                  std::string_view settings) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (fd < 0) return write_error(path, errno);
  BatchFile out(SystemFile(fd), path);
  struct stat what {};
  if (::fstat(fd, &what) != 0 || !S_ISREG(what.st_mode))
    return fail("{}: this is no file; give the name of one", printable(path));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return fail("{}: another run writes to it", printable(path));
  MXPATH_TRY(const std::string text, read_to_end(fd, printable(path), input_limit));
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    MXPATH_TRY(const bool failed, check_answer(line, out.done_, input, settings, path));
    ++out.done_;
    out.failed_ += failed;
  }
  if (begin < text.size() && ::ftruncate(fd, static_cast<off_t>(begin)) != 0) return write_error(path, errno);
  return out;
}

Status BatchFile::append(std::string_view line) {
  const std::string whole = std::string(line) + '\n';
  for (size_t written = 0; written < whole.size();) {
    const ssize_t n = ::write(file_.fd(), whole.data() + written, whole.size() - written);
    if (n < 0 && errno != EINTR) return write_error(path_, errno);
    if (n > 0) written += static_cast<size_t>(n);
  }
  return {};
}

}  // namespace mxpath
