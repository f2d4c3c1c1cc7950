#include "diagnose/log_lines.h"

#include <algorithm>
#include <cstring>

namespace mxpath::diagnose {
namespace {

/// Removes ESC sequences (colours, cursor, titles) and carriage returns.
std::string_view without_terminal_codes(std::string_view text, std::string& buffer) {
  if (!std::memchr(text.data(), 27, text.size()) && !std::memchr(text.data(), '\r', text.size())) return text;
  buffer.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      if (i + 1 < text.size()) buffer.push_back(' ');  // CRLF leaves nothing behind
    } else if (text[i] != 27) {
      buffer.push_back(text[i]);
    } else if (i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
    } else if (i + 1 < text.size() && text[i + 1] == ']') {
      while (i < text.size() && text[i] != 7) ++i;
    } else {
      ++i;
    }
  }
  return buffer;
}

}  // namespace

void LineSplitter::emit(std::string_view text, bool ends) {
  if (!text.empty()) sink_({number_, without_terminal_codes(text, clean_), continues_});
  continues_ = !ends;
  if (ends) ++number_;
}

void LineSplitter::feed(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const bool complete = end < text.size();
    std::string_view line = text.substr(0, end);
    text.remove_prefix(complete ? end + 1 : end);
    if (!rest_.empty() || !complete) {
      const size_t take = std::min(line.size(), longest - std::min(longest, rest_.size()));
      rest_.append(line.substr(0, take));
      line.remove_prefix(take);
      if (rest_.size() < longest && !complete) return;
      const bool whole = complete && line.empty();
      if (!whole && rest_.size() < longest) continue;
      emit(rest_, whole);
      rest_.clear();
      if (whole) continue;
    }
    while (line.size() > longest) {
      emit(line.substr(0, longest), false);
      line.remove_prefix(longest);
    }
    if (!complete) {
      rest_.assign(line);
    } else {
      if (line.empty()) continues_ = false, ++number_;
      else emit(line, true);
    }
  }
}

void LineSplitter::finish() {
  if (!rest_.empty()) emit(rest_, true);
  rest_.clear();
}

}  // namespace mxpath::diagnose
