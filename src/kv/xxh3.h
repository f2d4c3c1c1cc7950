// XXH3 of 64 bits over bytes and values that pass by: against damage and mix-ups, not against forgers.
#pragma once
#include <xxhash.h>

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

namespace mxpath {

class Xxh3 {
 public:
  Xxh3() : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();  // as any other memory
    XXH3_64bits_reset(state_.get());
  }
  void add(std::span<const uint8_t> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  /// A number, without what stands between the members of a struct.
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T value) { add(std::span(reinterpret_cast<const uint8_t*>(&value), sizeof value)); }
  /// A text with its length, so that two of them are not taken for two others.
  void add(std::string_view text) {
    add(text.size());
    add(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace mxpath
