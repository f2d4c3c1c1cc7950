// The same product in plain C++ for any layout.
#pragma once
#include "kernels/row_products/row_products.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// What one core does while its operands lie in its caches, about: only to tell which loops are too small to share.
inline constexpr double vector_products_per_ns = 10, portable_products_per_ns = 2;

/// Rows [begin, end) of one expert times the tokens of the job (x float; y and bias of the job belong to row 0). Rows
/// are decoded once for all tokens. Each sum is eight partial sums over the columns in steps of eight, added up at the
/// end, whatever the tile.
void portable_rows(const PackedMatrix& matrix, int64_t expert, int64_t begin, int64_t end, const TokenJob& job,
                   void* scratch);

}  // namespace mxpath
