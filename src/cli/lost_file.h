// What the program does when a file that it reads in place is cut short.
#pragma once

namespace mxpath::cli {

/// From now on a mapped file that ends early, or whose disk fails, ends the program with exit code 1 and one sentence
/// that names it, instead of SIGBUS. Every other SIGBUS goes to whoever handled it before. For the program alone: a
/// library leaves the signals of its host as they are.
void catch_lost_files();

/// The error is JSON on standard output too.
void tell_lost_files_as_json();

}  // namespace mxpath::cli
