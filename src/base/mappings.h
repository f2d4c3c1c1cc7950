// Which file lies at an address: for a signal handler, when a mapped file was cut short.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace mxpath {

/// A file that a MappedFile holds in memory.
struct MappingAt {
  const char* path = nullptr;  ///< null: no file lies there
  uint64_t offset = 0;         ///< the offset of the address in the file
};

/// What lies at `address`. Takes no lock and no memory: a signal handler may call it. The path is good while the file
/// stays mapped.
MappingAt mapping_at(const void* address) noexcept;

/// MappedFile's side: a range of memory begins and ceases to be a file.
void add_mapping(const void* begin, size_t size, const std::string& path);
void remove_mapping(const void* begin) noexcept;

}  // namespace mxpath
