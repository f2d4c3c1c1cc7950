#include <signal.h>

#include "interfaces/cli/program.h"

int main(int argc, char** argv) {
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` fails with a sentence instead of ending the program
  return mxpath::cli::run_program(argc, argv);
}
