// nf4_g32_rows, nf4_g64_rows: codes [experts][rows][columns/2], column 2b in the high nibble of byte b as in
// bitsandbytes, and the largest magnitude of each 32 or 64 columns of a row as float.
#include "formats/nf4.h"
#include "layout/nibble_rows.h"
#include "layout/quantize.h"

namespace mxpath {

const LayoutCode nf4_g32_rows_code = nibble_rows::code<32, 4, nf4_values, quantize_nf4>();
const LayoutCode nf4_g64_rows_code = nibble_rows::code<64, 4, nf4_values, quantize_nf4>();

}  // namespace mxpath
