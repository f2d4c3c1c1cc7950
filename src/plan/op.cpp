#include "plan/op.h"

#include <array>

namespace mxpath {

std::string_view name_of(Op op) {
  constexpr std::array<std::string_view, op_count> names = {"embed",  "norm",        "linear", "rope",     "attention",
                                                            "router", "moe_gate_up", "swiglu", "moe_down", "sample"};
  return names[static_cast<size_t>(op)];
}

}  // namespace mxpath
