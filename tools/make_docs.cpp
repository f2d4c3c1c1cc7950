// Writes the pages that are made from tables: make_docs FOLDER
#include <cstdio>
#include <fstream>
#include <string>

#include "cli/flags_page.h"
#include "cli/knob_flags.h"
#include "kernels/catalogue.h"
#include "plan/paths_page.h"

namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "make_docs: %s cannot be written\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_docs FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const bool paths = write(folder + "/paths.md", mxpath::cli::in_flags(mxpath::paths_page(mxpath::catalogue())));
  const bool flags = write(folder + "/flags.md", mxpath::cli::flags_page());
  return paths && flags ? 0 : 1;
}
