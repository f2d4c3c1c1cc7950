// Bytes of a log as they come (gzip, UTF-16, plain) to UTF-8 text, in bounded pieces.
#pragma once
#include <cstddef>
#include <cstdint>
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

/// How a log ended. Behind everything but `whole` there was more, which nobody has read.
enum class Ending : uint8_t {
  whole,
  cut_short,  ///< the archive or the last character stops in the middle
  damaged,    ///< the archive cannot be unpacked any further, or its checksum is wrong
  trailing,   ///< bytes that are no gzip stand behind the archive
};
std::string_view name_of(Ending ending);

/// Decodes a source, gzip inside gzip too. UTF-16 is recognised by its byte order mark or by zero bytes at every second
/// place of the first kilobyte.
class LogDecoder {
 public:
  explicit LogDecoder(ByteSource source);
  ~LogDecoder();
  LogDecoder(LogDecoder&&) noexcept;

  /// The next piece (at most 512 KiB), empty at the end. Errors: a damaged gzip stream before any text came out of it;
  /// what is no text (an archive of another kind, a picture, a program, random bytes), with the way to its text. Later
  /// damage ends the log and shows in ending().
  Result<std::string_view> next();
  /// Final once next() has returned nothing.
  Ending ending() const;
  /// "plain", "gzip", "utf-16le" …: what was recognised.
  std::string encoding() const;

 private:
  struct State;
  Result<std::string_view> start();

  std::unique_ptr<State> state_;
};

}  // namespace mxpath::diagnose
