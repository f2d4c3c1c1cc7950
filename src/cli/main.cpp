#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "cli/lost_file.h"
#include "cli/output.h"
#include "cli/program.h"

namespace {

/// What no catch can reach, such as a thread of a pool without memory, ends with a sentence and an exit code too.
[[noreturn]] void end_with_a_sentence() noexcept {
  mxpath::cli::write_stderr(std::current_exception() ? "mxpath: no memory is left for what was asked\n"
                                                     : "mxpath: stopped by a fault of its own\n");
  ::_exit(mxpath::cli::exit_code(mxpath::ErrorKind::failed));
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_with_a_sentence);
  mxpath::cli::open_standard_streams();
  mxpath::cli::catch_lost_files();
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` fails with a sentence instead of ending the program
  return mxpath::cli::run_program(argc, argv);
}
