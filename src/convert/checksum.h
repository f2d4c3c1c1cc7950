// A checksum of bytes that pass by, to tell whether a file is still as it was written. Against damage, not against
// forgers.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

struct XXH3_state_s;

namespace mxpath::convert {

/// XXH3 of 64 bits: several times faster than a disk.
class Checksum {
 public:
  Checksum();
  void add(std::span<const uint8_t> bytes);
  uint64_t value() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

/// Whether a file is a regular file (no link to one) of `bytes` bytes with this checksum. Error: what is other than it
/// should be, as words to follow the file's name: "is missing", "has other contents".
Status check_file(const std::string& path, uint64_t bytes, uint64_t checksum);

}  // namespace mxpath::convert
