// int4_g32_rows, int4_g64_rows: codes [experts][rows][columns/2], column 2b in the low nibble of byte b, and one float
// scale for each 32 or 64 columns of a row.
#include "layout/nibble_rows.h"
#include "layout/quantize.h"

namespace mxpath {
namespace {

constexpr float values[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace

const LayoutCode int4_g32_rows_code = nibble_rows::code<32, 0, values, quantize_int4>();
const LayoutCode int4_g64_rows_code = nibble_rows::code<64, 0, values, quantize_int4>();

}  // namespace mxpath
