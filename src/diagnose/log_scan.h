// One pass over a log: where which signatures stand, and what it says about the machine and the versions.
#pragma once
#include <string>
#include <vector>

#include "diagnose/diagnose.h"
#include "diagnose/log_lines.h"
#include "diagnose/signature.h"

namespace mxpath::diagnose {

/// The first place where a row matched (an unmarked or error line before a warning).
struct Found {
  const Signature* row;
  size_t line = 0;  ///< the first line of evidence
  Level level = Level::unmarked;
  std::vector<Evidence> evidence;
  std::vector<std::string> groups;  ///< the groups of the pattern
  std::string statement;  ///< the lines of evidence and what follows them, as they were printed (at most 8 KB)
};

struct ScanResult {
  std::vector<Found> found;  ///< findings, wrappers and noise, in the order of the table
  Contexts contexts;
  std::vector<int> capabilities;        ///< stated in the text, without repetition
  std::vector<int> named_capabilities;  ///< guessed from product names
  Versions versions;
  std::string exception_statement;    ///< as Found::statement, for the exception
  std::string error_statement;        ///< and for error_line
  Evidence exception;                 ///< the first line of the form "SomethingError: …"; line 0: none
  Evidence error_line;                ///< the first line that reports any failure
  std::vector<Evidence> error_level;  ///< the first lines that the logger marked as errors
  bool has_frames = false;            ///< a Python traceback with at least one frame
  size_t lines = 0;
  std::string encoding;
  Ending ending = Ending::whole;
};

Result<ScanResult> scan_log(ByteSource source);

/// What a line says, for the answers: no control characters, the escapes of JSON resolved.
std::string message_text(std::string_view text);

/// Stands in a statement where two lines may be one that a terminal cut.
inline constexpr std::string_view uncertain_joint = "\x01";

/// Makes text fit for a report: valid UTF-8, no control characters, at most `limit` bytes around `focus`.
std::string excerpt(std::string_view text, size_t focus, size_t limit = 240);

}  // namespace mxpath::diagnose
