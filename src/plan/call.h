// The shape of one call of an operation.
#pragma once
#include <cstdint>

namespace mxpath {

/// One call: so many tokens, of so many sequences, each of which sees so many keys.
struct Call {
  int tokens = 1;     ///< tokens of all sequences
  int sequences = 1;  ///< sequences that they belong to, at most `tokens`
  int64_t keys = 0;   ///< keys that a token of a layer without a window sees, itself included; 0: what the site expects
                      ///< (Site::keys)
  bool operator==(const Call&) const = default;
};

}  // namespace mxpath
