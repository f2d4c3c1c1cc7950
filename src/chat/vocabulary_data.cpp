// The packed o200k_base ranks, inside the program. The assembler finds the file through the -I of src/.
#include "chat/vocabulary.h"

// clang-format off
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".hidden mxpath_o200k_base_begin\n"
    ".globl mxpath_o200k_base_begin\n"
    "mxpath_o200k_base_begin:\n"
    ".incbin \"chat/data/o200k_base.bin\"\n"
    ".hidden mxpath_o200k_base_end\n"
    ".globl mxpath_o200k_base_end\n"
    "mxpath_o200k_base_end:\n"
    ".byte 0\n"
    ".popsection\n");
// clang-format on

extern "C" {
extern const char mxpath_o200k_base_begin[] __attribute__((visibility("hidden")));
extern const char mxpath_o200k_base_end[] __attribute__((visibility("hidden")));
}

namespace mxpath {

std::string_view packed_o200k_base() {
  return {mxpath_o200k_base_begin, static_cast<size_t>(mxpath_o200k_base_end - mxpath_o200k_base_begin)};
}

}  // namespace mxpath
