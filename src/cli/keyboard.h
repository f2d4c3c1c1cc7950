// What is typed and what is pasted, told apart.
#pragma once
#include <string>
#include <string_view>

namespace mxpath::cli {

/// A text as it may stand in a line that is being typed: line ends are \n, control characters but tab are left out,
/// bytes that are no UTF-8 are U+FFFD.
std::string typed_text(std::string_view bytes);

/// Bytes from standard input. A text with a line end in it that was not typed key by key becomes a paste, in the form
/// in which terminals mark one: paste_begins, the text, paste_ends.
class Keyboard {
 public:
  static constexpr std::string_view paste_begins = "\x1b[200~", paste_ends = "\x1b[201~";

  /// What is there already was typed before it was asked for. Its line ends ask nothing; `enter_asks`: but for the last
  /// one.
  void take_what_waits(bool enter_asks);
  /// The next byte. Ctrl-C (`stopped`) comes before what was typed after it, even when both are there already. 0: the
  /// end; < 0: an error.
  long read(char& byte, bool& stopped);
  /// The text up to paste_ends; what arrived with that mark belongs to it. Once the mark paste_begins was read.
  std::string read_paste();

 private:
  long fill();
  void mark_burst();
  void gather(int milliseconds);

  std::string bytes_;
  bool ended_ = false;
};

/// While one lives, a terminal that is able to marks what is pasted. Switched off, and the terminal as it was before,
/// also where a signal ends or stops the program.
class BracketedPaste {
 public:
  BracketedPaste();
  ~BracketedPaste();
  BracketedPaste(const BracketedPaste&) = delete;
  BracketedPaste& operator=(const BracketedPaste&) = delete;
};

}  // namespace mxpath::cli
