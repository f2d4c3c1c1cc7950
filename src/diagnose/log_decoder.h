// Bytes of a log as they come (gzip, UTF-16, plain) to UTF-8 text, in bounded pieces.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mxpath::diagnose {

/// Fills a buffer, returns how many bytes; 0 at the end.
using ByteSource = std::function<size_t(char* buffer, size_t capacity)>;

/// A ByteSource over text that stays alive.
ByteSource source_of(std::string_view text);

/// Decodes a source. UTF-16 is recognised by its byte order mark or by zero bytes at every second place of the first kilobyte.
class LogDecoder {
 public:
  explicit LogDecoder(ByteSource source);
  ~LogDecoder();
  LogDecoder(LogDecoder&&) noexcept;

  /// The next piece (at most 512 KiB), empty at the end. Error: a damaged gzip stream before any text came out of it; later
  /// damage ends the log and sets damaged().
  Result<std::string_view> next();
  bool damaged() const;
  /// "plain", "gzip", "utf-16le" …: what was recognised.
  std::string encoding() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxpath::diagnose
