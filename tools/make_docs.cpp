// Writes docs/paths.md from the catalogue: make_docs FILE
#include <cstdio>
#include <fstream>

#include "kernels/catalogue.h"
#include "plan/paths_page.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_docs FILE\n");
    return 2;
  }
  std::ofstream file(argv[1]);
  file << mxpath::paths_page(mxpath::catalogue());
  return file.good() ? 0 : 1;
}
