// The answers of a batch on disk, line by line, and where an earlier run stopped.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/system_file.h"

namespace mxpath {

/// A line of input that is a question.
struct BatchInput {
  std::string_view text;
  uint64_t number = 0;  ///< of the line in its file, from 1
};

/// What tells that an answer belongs to a line, or was made with some settings: 16 hexadecimal digits of its SHA-256.
std::string input_hash(std::string_view text);

/// Lines are appended whole and in order; after a crash the last one may be torn. Nobody else may write meanwhile.
class BatchFile {
 public:
  /// Opens or makes the file. Each whole line in it must be the answer to the input line of its place ("index" and
  /// "input", the hash), made with the same settings ("settings", a hash; "" is any); a torn last line is cut off.
  /// Errors: it is no file, is written by another run, or holds something else, which then stays as it is.
  static Result<BatchFile> open(const std::string& path, std::span<const BatchInput> input, std::string_view settings);

  /// Lines that were there already, and how many of them are errors.
  uint64_t done() const { return done_; }
  uint64_t failed() const { return failed_; }
  /// Appends the line with its end. Error: the system's, a full disk for instance.
  Status append(std::string_view line);

 private:
  BatchFile(SystemFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  SystemFile file_;
  std::string path_;
  uint64_t done_ = 0, failed_ = 0;
};

}  // namespace mxpath
