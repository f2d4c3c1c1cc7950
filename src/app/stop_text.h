// Texts that end an answer, looked for in text that comes in pieces.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mxpath {

/// Texts that one answer may be told to stop at.
inline constexpr size_t most_stops = 16;
/// Errors (wrong use): more than most_stops, or one that is empty.
Status check_stops(std::span<const std::string> stops);

/// Where the stop text begins that is complete first, so that it does not matter how the text was cut into pieces; of
/// those that end together the longest. None: there is none in it.
std::optional<size_t> find_stop(std::string_view text, std::span<const std::string> stops);

/// One text on its way to a reader: what could become a stop text waits.
class StopText {
 public:
  /// The stops must outlive it.
  explicit StopText(std::span<const std::string> stops) : stops_(stops) {}

  /// What can be shown now: all before the stop text that is complete first, or before what may become one.
  std::string push(std::string_view text);
  /// The text has ended: what waits is no stop text.
  std::string flush();
  size_t waiting() const { return waiting_.size(); }  ///< bytes
  bool stopped() const { return stopped_; }

 private:
  size_t safe_length() const;
  std::string take(size_t bytes);

  std::span<const std::string> stops_;
  std::string waiting_;
  bool stopped_ = false;
};

}  // namespace mxpath
