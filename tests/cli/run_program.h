// Starts the program under test with its own environment, and talks to it through pipes or a terminal.
#pragma once
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace mxpath {

struct Ran {
  int code = -1;  // exit code; 128 + signal if a signal ended it
  std::string out, err;
};

/// Runs mxpath to its end with `input` on standard input; nothing of the user's own cache or models is seen.
/// `interrupt_after`: once standard output holds so many bytes, SIGINT is sent (0: never). Ends the program after a
/// minute.
Ran run_mxpath(const std::vector<std::string>& arguments, const std::string& input = "", size_t interrupt_after = 0);

/// The same for a script of bash in which "$MXPATH" is the program.
Ran run_shell(const std::string& script, const std::string& input = "");

/// mxpath on a terminal of its own.
class OnTerminal {
 public:
  /// output: a file that takes standard output, as `| tee` would; "": the terminal. type: what TERM says of it.
  explicit OnTerminal(const std::vector<std::string>& arguments, const std::string& output = "",
                      const std::string& type = "xterm");
  ~OnTerminal();
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  void type(const std::string& keys);
  void signal(int number);
  /// Waits until `text` shows after everything waited for before; false after 20 s or at the end of the program.
  bool shows(const std::string& text);
  /// Waits for the end; the exit code.
  int end();
  /// Types `keys` until the program ends, as a person does whose key fell between two prompts; its exit code.
  int leave(const std::string& keys);
  const std::string& screen() const { return screen_; }

 private:
  bool read_more();

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string screen_;
  size_t seen_ = 0;
};

}  // namespace mxpath
