#include "cli/keyboard.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "chat/utf8.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr int between_pieces = 50;  // milliseconds between two pieces of one paste; a terminal buffer holds 4 KiB of it

bool is_there(int milliseconds) {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  return ::poll(&in, 1, milliseconds) > 0 && (in.revents & (POLLIN | POLLHUP)) != 0;
}

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

void remove_all(std::string& text, std::string_view part) {
  for (size_t at; (at = text.find(part)) != text.npos;) text.erase(at, part.size());
}

/// A line end that something follows but line ends.
bool has_inner_line_end(std::string_view bytes) {
  const size_t first = bytes.find_first_of("\r\n");
  return first != bytes.npos && bytes.find_first_not_of("\r\n", first) != bytes.npos;
}

}  // namespace

std::string typed_text(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r') text += bytes[i];
    else if (i + 1 == bytes.size() || bytes[i + 1] != '\n') text += '\n';
  }
  return terminal_safe(to_valid_utf8(text));
}

long Keyboard::fill() {
  if (ended_) return 0;
  char block[4096];
  const ssize_t count = ::read(STDIN_FILENO, block, sizeof block);
  if (count > 0) bytes_.append(block, static_cast<size_t>(count));
  else if (count == 0) ended_ = true;
  return count;
}

/// All that comes without a pause.
void Keyboard::gather(int milliseconds) {
  while (!ended_ && is_there(milliseconds) && fill() > 0) {
  }
}

/// Bytes that arrive together belong together where the terminal does not mark them.
void Keyboard::mark_burst() {
  if (!has_inner_line_end(bytes_) || bytes_.find(paste_begins) != bytes_.npos) return;
  gather(between_pieces);
  remove_all(bytes_, paste_ends);
  bytes_ = std::string(paste_begins) + bytes_ + std::string(paste_ends);
}

void Keyboard::take_what_waits(bool enter_asks) {
  gather(0);
  if (bytes_.find_first_of("\r\n") == bytes_.npos) return;
  remove_all(bytes_, paste_begins), remove_all(bytes_, paste_ends);
  const bool asks = enter_asks && is_line_end(bytes_.back());
  std::string text = typed_text(bytes_);
  while (text.ends_with('\n')) text.pop_back();
  bytes_ = text.empty() ? "" : std::string(paste_begins) + text + std::string(paste_ends) + (asks ? "\n" : "");
}

long Keyboard::read(char& byte, bool& stopped) {
  for (;;) {
    long count = static_cast<long>(bytes_.size());
    if (count == 0) {
      count = fill();
      if (count > 0) mark_burst();
    }
    stopped = interrupted();
    if (stopped) {
      clear_interrupt();
      return 1;
    }
    if (count > 0) {
      byte = bytes_.front();
      bytes_.erase(0, 1);
      return 1;
    }
    if (count == 0 || errno != EINTR) return count;
  }
}

std::string Keyboard::read_paste() {
  size_t end = bytes_.find(paste_ends);
  while (end == bytes_.npos) {
    const size_t seen = bytes_.size();
    if (const long count = fill(); count <= 0 && !(count < 0 && errno == EINTR && !interrupted())) break;
    end = bytes_.find(paste_ends, seen - std::min(seen, paste_ends.size()));
  }
  // A mark inside of the text would leave the rest of it to be typed, and perhaps asked. Only Enter may follow the last
  // mark at once.
  for (size_t last; end != bytes_.npos && (last = bytes_.rfind(paste_ends)) != end;)
    bytes_.erase(last, paste_ends.size());
  size_t length = end == bytes_.npos ? bytes_.size() : end;
  std::string text = bytes_.substr(0, length);
  bytes_.erase(0, end == bytes_.npos ? length : length + paste_ends.size());
  if (has_inner_line_end(bytes_) ||
      (!bytes_.empty() && !is_line_end(bytes_.front()) && bytes_.find_first_of("\r\n") != bytes_.npos))
    text += std::exchange(bytes_, {});
  remove_all(text, paste_begins);
  return typed_text(text);
}

}  // namespace mxpath::cli
