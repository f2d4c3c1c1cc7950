// Sizes as people type them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace mxpath::cli {

/// Bytes of "5000000000", "5GB", "1.5 gb" or "2GiB": digits, perhaps with a point, and a unit in any case; K, M, G, T
/// and P with or without B are powers of 1000, Ki … Pi of 1024. Nothing for all else (signs, hexadecimal, exponents)
/// and for 2^62 bytes and more.
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace mxpath::cli
