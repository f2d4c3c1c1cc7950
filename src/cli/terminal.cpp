#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/one_line.h"
#include "cli/output.h"

namespace mxpath::cli {
namespace {

constexpr auto patience = std::chrono::seconds(1);
constexpr auto between_draws = std::chrono::milliseconds(100);

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

bool is_terminal(int file_descriptor) { return ::isatty(file_descriptor) == 1; }

int typing_shows_on() { return is_terminal(1) ? 1 : is_terminal(2) ? 2 : -1; }

bool understands_codes(int file_descriptor) {
  const char* term = std::getenv("TERM");
  return is_terminal(file_descriptor) && term && *term && std::string_view(term) != "dumb";
}

bool wants_colour(int file_descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  return understands_codes(file_descriptor) && (!no_colour || !*no_colour);
}

namespace {

/// Whether a directional embedding, override or isolate begins here: three bytes of UTF-8.
bool turns_direction(std::string_view text) {
  if (text.size() < 3 || text[0] != '\xe2') return false;
  const auto last = static_cast<unsigned char>(text[2]);
  return (text[1] == '\x80' && last >= 0xaa && last <= 0xae) || (text[1] == '\x81' && last >= 0xa6 && last <= 0xa9);
}

}  // namespace

std::string terminal_safe(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;  // U+0080..U+009F
    if (c1) ++i;
    else if (turns_direction(text.substr(i))) i += 2;
    else if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') out += text[i];
  }
  return out;
}

std::string terminal_visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\t"), text.size());
    out += visible(text.substr(0, end));
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string progress_line(std::string_view what, uint64_t done, uint64_t total, double seconds) {
  constexpr int width = 30;
  const double share = total ? std::min(1.0, double(done) / double(total)) : 0;
  const int full = static_cast<int>(share * width);
  std::string line = fmt::format("{}  [{}{}] {:3.0f} %", what, std::string(static_cast<size_t>(full), '#'),
                                 std::string(static_cast<size_t>(width - full), '.'), 100 * share);
  if (share > 0.02) line += fmt::format("  {:.0f} s left", seconds / share * (1 - share));
  return line;
}

Progress ProgressBar::callback() {
  if (!enabled_) return {};
  return [this](std::string_view what, uint64_t done, uint64_t total) { update(what, done, total); };
}

void ProgressBar::clear() {
  if (!drawn_) return;
  write_stderr("\r\x1b[K");
  drawn_ = false;
}

void ProgressBar::update(std::string_view what, uint64_t done, uint64_t total) {
  const auto now = Clock::now();
  if (what != what_) clear(), what_ = what, began_ = last_ = now;
  if (done >= total) return what_.clear(), clear();
  if (now - began_ < patience || now - last_ < between_draws) return;
  last_ = now, drawn_ = true;
  write_stderr(fmt::format("\r{}\x1b[K", progress_line(what, done, total, seconds(now - began_))));
}

void FiguresBar::draw(std::string_view figures, uint64_t done, uint64_t total, double seconds) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || now - last_ < between_draws) return;
  last_ = now, drawn_ = true;
  write_stderr(fmt::format("\r{}\x1b[K", progress_line(figures, done, total, seconds)));
}

void FiguresBar::clear() {
  if (drawn_) write_stderr("\r\x1b[K");
  drawn_ = false;
}

}  // namespace mxpath::cli
