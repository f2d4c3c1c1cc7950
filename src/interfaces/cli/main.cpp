#include "interfaces/cli/program.h"

int main(int argc, char** argv) { return mxpath::cli::run_program(argc, argv); }
