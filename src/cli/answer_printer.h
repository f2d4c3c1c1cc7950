// Writes an answer to standard output as it comes.
#pragma once
#include "app/answer.h"

namespace mxpath::cli {

struct PrinterOptions {
  bool analysis = true;   ///< show it (--show all)
  bool dim = false;       ///< with terminal codes
  bool terminal = false;  ///< leave out control characters
};

/// Messages are set apart by an empty line; analysis is dimmed; a tool call is `[call functions.name] {arguments}`.
class AnswerPrinter {
 public:
  explicit AnswerPrinter(PrinterOptions options) : options_(options) {}
  void operator()(const Delta& delta);
  /// Ends the last line.
  void finish();

 private:
  void open(const Delta& delta);
  void close();

  PrinterOptions options_;
  bool open_ = false, dimmed_ = false, line_open_ = false, anything_ = false;
};

}  // namespace mxpath::cli
