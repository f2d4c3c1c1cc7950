// What is typed while an answer runs, and Ctrl-C.
#pragma once

namespace mxpath::cli {

/// While one lives, Ctrl-C leaves what was typed before it: a terminal throws that away otherwise (NOFLSH of termios).
/// The terminal is as before afterwards. One at a time; nothing happens without a terminal.
class KeepTyped {
 public:
  KeepTyped();
  ~KeepTyped();
  KeepTyped(const KeepTyped&) = delete;
  KeepTyped& operator=(const KeepTyped&) = delete;

  /// What the destructor does, for a signal handler that ends the program.
  static void undo() noexcept;
};

}  // namespace mxpath::cli
