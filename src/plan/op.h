// The operations that have rows in the catalogue.
#pragma once
#include <cstdint>
#include <string_view>

namespace mxpath {

enum class Op : uint8_t {
  embed,
  norm,
  linear,
  rope,
  attention,
  router,
  moe_gate_up,
  swiglu,
  moe_down,
  sample,
  attention_block,  ///< made of others, as experts_block is
  experts_block
};
inline constexpr int op_count = 12;

struct OpRow {
  Op op;
  std::string_view name;       ///< the first part of the names of its paths
  bool exact = false;          ///< its self-check has a problem whose results no rounding blurs
  bool random = false;         ///< its self-check has one that is compared inside a bound
  bool tiled_product = false;  ///< a product that has code of its own for few, many and left-over tokens
  bool composite = false;      ///< made of other operations: its last row calls theirs one after another
};
/// One row for each Op.
const OpRow& row_of(Op op);
inline std::string_view name_of(Op op) { return row_of(op).name; }

}  // namespace mxpath
