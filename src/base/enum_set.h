// A set of enumerators, as a value that tables can hold.
#pragma once
#include <bit>
#include <cstdint>
#include <initializer_list>

namespace mxpath {

/// E: an enum class whose values are below 32.
template <class E>
struct EnumSet {
  uint32_t bits = 0;
  constexpr EnumSet() = default;
  constexpr EnumSet(std::initializer_list<E> list) {
    for (const E value : list) add(value);
  }
  constexpr void add(E value) { bits |= 1u << static_cast<int>(value); }
  constexpr bool empty() const { return bits == 0; }
  constexpr int count() const { return std::popcount(bits); }
  constexpr bool has(E value) const { return (bits >> static_cast<int>(value) & 1u) != 0; }
  bool operator==(const EnumSet&) const = default;
};

}  // namespace mxpath
