// The two streams that are written, whatever became of them.
#pragma once
#include <string_view>

namespace mxpath::cli {

/// Opens descriptors 0 to 2 where whoever started the program had closed them, so that no file of a model becomes a
/// standard stream. Reading and writing them fails as before.
void open_standard_streams();

/// Writes to standard output as it is. A write that fails is kept for the end of the program (output_error), and
/// nothing is written after it. A pipe that nobody reads ends the program as SIGPIPE does, if it did when the program
/// was started.
void write_stdout(std::string_view text);
/// errno of the first write to standard output that failed; 0: all is written.
int output_error();

/// Writes to standard error as it is; what cannot be written is lost, and nothing else is.
void write_stderr(std::string_view text) noexcept;

}  // namespace mxpath::cli
