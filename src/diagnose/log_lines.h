// Text to lines: terminal codes removed, long lines cut into pieces, and what a logger put before the message split
// off.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mxpath::diagnose {

/// How serious the logger said a line is.
enum class Level : uint8_t { unmarked, debug, info, warning, error };

/// What stands before the message: (EngineCore pid=12), [rank0]:, timestamps, `ERROR 04-12 01:50:23 [core.py:971]`,
/// docker's `web-1  |` …
struct LinePrefix {
  size_t length = 0;     ///< of everything before the message
  uint64_t process = 0;  ///< hash of the process tag; 0 where there is none
  Level level = Level::unmarked;
  bool dated = false;  ///< carries a time: the line starts a record of its own
};
LinePrefix prefix_of(std::string_view line);

/// A line, or a piece of a long one.
struct LinePiece {
  size_t number;  ///< from 1; a carriage return does not count
  std::string_view text;
  bool continues;  ///< the rest of a line of which a piece was already given
};

/// Splits a stream of text. Pieces are at most `longest` bytes, so memory does not depend on the length of a line.
class LineSplitter {
 public:
  static constexpr size_t longest = 8 * 1024;
  explicit LineSplitter(std::function<void(const LinePiece&)> sink) : sink_(std::move(sink)) {}
  void feed(std::string_view text);
  void finish();
  size_t lines() const { return number_; }

 private:
  void emit(std::string_view text, bool ends);

  std::function<void(const LinePiece&)> sink_;
  std::string rest_, clean_;
  size_t number_ = 1;
  bool continues_ = false;
};

}  // namespace mxpath::diagnose
