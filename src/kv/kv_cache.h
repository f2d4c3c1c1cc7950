// The keys and values of all sequences: the memory of the pages, and what the kernels are told of them.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "kernels/attention/kv_pages.h"
#include "kv/sequence_pages.h"
#include "plan/kv_layout.h"
#include "plan/plan.h"

namespace mxpath {

/// The pools of a plan, one for each device with attention layers, and on each of them the page tables of up to
/// plan.sequences sequences, and of one more for whoever looks at a text beside them. Memory is reserved at once; the
/// computer's is committed as it is touched.
class KvCache {
 public:
  /// The streams of the devices, in whose order copies and tables are sent: those that the forward runs on.
  using Streams = std::map<DeviceId, Stream*>;

  /// Error: not enough memory, or a device that does not answer.
  static Result<KvCache> create(const Plan& plan);

  const PageShape& shape() const { return *shape_; }
  std::span<PagePool> pools() { return *pools_; }
  int pool_count() const { return static_cast<int>(pools_->size()); }
  const PagePool& pool(int which) const { return (*pools_)[static_cast<size_t>(which)]; }
  /// The most pages of a pool that a sequence of so many tokens holds while it is read in chunks.
  int64_t pages_for(int pool, int64_t tokens) const;
  uint64_t bytes() const;  ///< of all pools

  /// [layers] where each layer's attention runs; valid as long as the cache, wherever that is moved to.
  std::span<const KvPages> layers() const { return layers_; }

  /// Copies pages, before anything of a step is written.
  Status copy(std::span<const PageCopy> copies, const Streams& streams);
  /// Tells the kernels where the pages of a sequence lie; sends what has changed.
  Status set_table(int slot, const SequencePages& sequence, const Streams& streams);

  /// A page of a pool as bytes in the computer's memory, for files.
  Status read(int pool, PageId page, std::span<uint8_t> to, const Streams& streams) const;
  Status write(int pool, PageId page, std::span<const uint8_t> from, const Streams& streams);
  uint64_t page_bytes(int pool) const { return parts_[static_cast<size_t>(pool)].page_bytes; }

 private:
  struct Part {
    DeviceId device;
    uint64_t page_bytes = 0;
    Memory pages = {};
    Memory tables = {};  // on a GPU: those of its groups, one after another
  };
  struct Table {
    std::vector<int32_t> entries;  // [slots][entries of a context]; what the kernels of a CPU read
    int32_t* on_device = nullptr;  // the copy on a GPU
  };
  uint8_t* page(int pool, PageId id) const {
    const Part& part = parts_[static_cast<size_t>(pool)];
    return part.pages.data() + static_cast<uint64_t>(id) * part.page_bytes;
  }

  KvLayout layout_;
  // Sequences point to these two, wherever the cache is moved to.
  std::unique_ptr<PageShape> shape_ = {};
  std::unique_ptr<std::vector<PagePool>> pools_ = {};
  std::vector<Part> parts_;    // [pools]
  std::vector<Table> tables_;  // [groups]
  std::vector<KvPages> layers_;
  int slots_ = 1, chunk_ = 0;
  int64_t entries_ = 0;
};

}  // namespace mxpath
