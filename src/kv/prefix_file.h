// Prefixes in a file, so that the next run finds what this one has read.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/number_format.h"
#include "kv/prefix_cache.h"

namespace mxpath {

/// What the keys and values of a file follow from, besides the texts: where one of these is another, the file is of no
/// use. The numbers are hashes.
struct PrefixFileKey {
  uint64_t program = 0;  ///< the version of the program
  uint64_t model = 0;    ///< config and weights
  uint64_t paths = 0;    ///< the rows that compute keys and values
  uint64_t layout = 0;   ///< what lies where in a page
  NumberFormat kv = NumberFormat::bf16;
};

/// The memory of the pages, as bytes.
struct PageBytes {
  std::vector<uint64_t> size;  ///< [pools] of a page
  std::function<Status(int pool, PageId page, std::span<uint8_t> to)> read;
  std::function<Status(int pool, PageId page, std::span<const uint8_t> from)> write;
};

/// Writes all that the cache holds. Readers see the old file or the new one, never half of one. The file is as large as
/// the pages of the cache. Errors: those of NewFile, and of reading pages.
Status write_prefixes(const std::string& path, const PrefixFileKey& key, const PageShape& shape,
                      const PrefixCache& cache, const PageBytes& pages);

/// Puts the texts of a file into an empty cache, and says how many tokens that are. Texts longer than `context`, and
/// those for which the pools have no pages left, stay out. The file may hold anything: memory and time are bounded by
/// the pools and by its size, and nothing of it is in the cache unless its checksum is right. Errors, after which the
/// cache is empty: no such file, one of another key, one that is damaged; each sentence ends in that it is not used.
Result<int64_t> read_prefixes(const std::string& path, const PrefixFileKey& key, int64_t context,
                              const PageShape& shape, std::span<PagePool> pools, PrefixCache& cache,
                              const PageBytes& pages);

/// Before long work whose prefixes go to `path`. Errors: the file could not be written there, or it holds something
/// else, which must not be lost.
Status check_prefix_file(const std::string& path);

}  // namespace mxpath
