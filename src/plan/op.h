// The operations that have rows in the catalogue.
#pragma once
#include <cstdint>
#include <string_view>

namespace mxpath {

enum class Op : uint8_t { embed, norm, linear, rope, attention, router, moe_gate_up, swiglu, moe_down, sample };
inline constexpr int op_count = 10;
std::string_view name_of(Op op);

}  // namespace mxpath
