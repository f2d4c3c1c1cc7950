#include "plan/op.h"

#include <array>

namespace mxpath {
namespace {

constexpr std::array<OpRow, op_count> rows = {{
    {.op = Op::embed, .name = "embed", .exact = true},
    {.op = Op::norm, .name = "norm", .random = true},
    {.op = Op::linear, .name = "linear", .exact = true, .random = true, .tiled_product = true},
    {.op = Op::rope, .name = "rope", .random = true},
    {.op = Op::attention, .name = "attention", .random = true},
    {.op = Op::router, .name = "router", .random = true},
    {.op = Op::moe_gate_up, .name = "moe_gate_up", .exact = true, .random = true, .tiled_product = true},
    {.op = Op::swiglu, .name = "swiglu", .random = true},
    {.op = Op::moe_down, .name = "moe_down", .exact = true, .random = true, .tiled_product = true},
    {.op = Op::sample, .name = "sample", .exact = true},
    {.op = Op::attention_block, .name = "attention_block", .composite = true},
    {.op = Op::experts_block, .name = "experts_block", .random = true, .composite = true},
}};

constexpr bool in_enum_order() {
  for (size_t i = 0; i < rows.size(); ++i)
    if (static_cast<size_t>(rows[i].op) != i) return false;
  return true;
}
static_assert(in_enum_order());

}  // namespace

const OpRow& row_of(Op op) { return rows[static_cast<size_t>(op)]; }

}  // namespace mxpath
