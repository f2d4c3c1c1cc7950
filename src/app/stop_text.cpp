#include "app/stop_text.h"

#include <algorithm>

#include "base/text.h"

namespace mxpath {

Status check_stops(std::span<const std::string> stops) {
  if (stops.size() > most_stops) return wrong_use("{} texts to stop at: give {} at most", stops.size(), most_stops);
  if (std::ranges::any_of(stops, &std::string::empty))
    return wrong_use("a text to stop at is empty; give at least one character");
  return {};
}

std::optional<size_t> find_stop(std::string_view text, std::span<const std::string> stops) {
  std::optional<size_t> begin;
  size_t end = 0;
  for (const std::string& stop : stops) {
    const size_t at = text.find(stop);
    if (at == text.npos) continue;
    const size_t its_end = at + stop.size();
    if (begin && (its_end > end || (its_end == end && at > *begin))) continue;
    begin = at;
    end = its_end;
  }
  return begin;
}

// Without the longest end that some stop text begins with.
size_t StopText::safe_length() const {
  size_t held = 0;
  for (const std::string& stop : stops_)
    for (size_t n = std::min(stop.size() - 1, waiting_.size()); n > held; --n)
      if (waiting_.ends_with(std::string_view(stop).substr(0, n))) held = n;
  return waiting_.size() - held;
}

std::string StopText::take(size_t bytes) {
  std::string shown = waiting_.substr(0, bytes);
  waiting_.erase(0, bytes);
  return shown;
}

std::string StopText::push(std::string_view text) {
  if (stopped_) return {};
  waiting_ += text;
  const auto stop = find_stop(waiting_, stops_);
  stopped_ = stop.has_value();
  return take(stop ? *stop : safe_length());
}

std::string StopText::flush() { return stopped_ ? std::string() : take(waiting_.size()); }

}  // namespace mxpath
