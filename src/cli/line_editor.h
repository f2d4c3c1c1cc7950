// A line from the terminal, with editing and history.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace mxpath::cli {

class LineEditor {
 public:
  /// History is kept in `folder`/history; "" keeps none. Error: the terminal cannot be set up.
  static Result<LineEditor> create(const std::string& folder, const std::string& prompt);
  LineEditor(LineEditor&&) noexcept;
  ~LineEditor();

  /// A line without its end, several where lines end in a backslash or were pasted; none at the end of input (Ctrl-D).
  /// Ctrl-C clears what was typed. Only the Enter key ends a line: what is pasted, and what was typed before it was
  /// asked for, stands in it, to be edited.
  std::optional<std::string> read();

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);
  std::optional<std::string> read_line(bool continued);

  std::unique_ptr<State> state_;
};

}  // namespace mxpath::cli
