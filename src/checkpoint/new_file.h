// A file that appears under its name only when it is whole.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/system_file.h"

namespace mxpath {

/// The sentence for a write to `path` that failed with errno `code`; a full disk and a limit on the size of files have
/// their own.
Error write_error(const std::string& path, int code);

/// Who looks on while a file is written. Either may be empty.
struct WriteWatch {
  /// Every byte of the file, in order, once it is written.
  std::function<void(std::span<const uint8_t>)> written;
  /// The sentence for bytes that the system could not read from `at` on (EFAULT): a mapped file that became shorter, or
  /// whose disk failed.
  std::function<Error(const uint8_t* at)> unreadable;
};

/// Until finish() the file has a temporary name, PATH.PID-N.part, and is removed if it is never finished. After a crash
/// such a file stays; is_unfinished_name() tells it.
class NewFile {
 public:
  /// Error: no such folder, no permission; there is something at `path` that is no file, such as a folder or a device.
  static Result<NewFile> create(const std::string& path, WriteWatch watch = {});
  NewFile(NewFile&& other) noexcept;
  ~NewFile();

  /// Appends. Long files are handed to the disk as they grow, so that finish() does not have all of it to wait for.
  Status write(std::span<const uint8_t> bytes);
  /// A hole that reads as zeros; the watch does not see it.
  Status skip(uint64_t bytes);
  /// Syncs the file, gives it its name, and syncs the folder: a power cut leaves the old file or the new one.
  Status finish();

 private:
  NewFile(SystemFile file, std::string path, std::string temporary, WriteWatch watch);
  void start_writeback();

  SystemFile file_;
  std::string path_, temporary_;
  WriteWatch watch_;
  uint64_t size_ = 0, flushed_ = 0;
};

/// Whether a file of this name was left behind by a NewFile that was killed: NAME.DIGITS-DIGITS.part.
bool is_unfinished_name(std::string_view name);

/// Before long work whose result goes to `path`. Errors: a folder or a device has that name, its folder does not exist
/// or cannot be written.
Status check_new_file(const std::string& path);

/// A small file in one go.
Status write_new_file(const std::string& path, std::string_view text);

}  // namespace mxpath
