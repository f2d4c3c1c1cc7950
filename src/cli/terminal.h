// What is drawn differently on a terminal: progress, dimmed text.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/progress.h"

namespace mxpath::cli {

bool is_terminal(int file_descriptor);
/// Where a line shows while it is typed: standard output, or standard error where the output goes elsewhere (`| tee`);
/// -1: neither is a terminal.
int typing_shows_on();
/// A terminal that can take a line back: TERM is set and not dumb.
bool understands_codes(int file_descriptor);
/// Whether it is one that should show colours: NO_COLOR is unset or empty.
bool wants_colour(int file_descriptor);

/// Text of a model as a terminal may show it: control characters but tab and line end are left out, so that no text can
/// move the cursor or change the title, and with them what embeds, overrides or isolates a direction of writing
/// (U+202A–202E, U+2066–2069), with which text shows in another order than it has. Joiners, marks and tags stay: emoji
/// and scripts need them.
std::string terminal_safe(std::string_view text);
/// Text of a report as a terminal may show it: control characters but tab and line end, and what is no UTF-8, become
/// \xNN.
std::string terminal_visible(std::string_view text);

/// One line on standard error, drawn only on a terminal and only for work that takes longer than a second.
class ProgressBar {
 public:
  ProgressBar() : enabled_(understands_codes(2)) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// A callback for the library; must not outlive the bar.
  Progress callback();
  /// Takes the line away, if it is there.
  void clear();

 private:
  void update(std::string_view what, uint64_t done, uint64_t total);

  using Clock = std::chrono::steady_clock;
  bool enabled_, drawn_ = false;
  std::string what_;
  Clock::time_point began_, last_;
};

/// One line on standard error with figures that change, such as a speed; drawn only on a terminal, ten times a second
/// at most.
class FiguresBar {
 public:
  FiguresBar() : enabled_(understands_codes(2)) {}
  ~FiguresBar() { clear(); }
  FiguresBar(const FiguresBar&) = delete;
  FiguresBar& operator=(const FiguresBar&) = delete;

  void draw(std::string_view figures, uint64_t done, uint64_t total, double seconds);
  /// Takes the line away, if it is there.
  void clear();

 private:
  bool enabled_, drawn_ = false;
  std::chrono::steady_clock::time_point last_ = {};
};

/// "packing weights  [#########...........]  45 %  12 s left"
std::string progress_line(std::string_view what, uint64_t done, uint64_t total, double seconds);

}  // namespace mxpath::cli
