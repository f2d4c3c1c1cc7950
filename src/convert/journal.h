// convert.json: what a conversion has finished, so that another run can go on.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/convert.h"
#include "convert/source.h"

namespace mxpath::convert {

inline constexpr const char* journal_name = "convert.json";

struct FinishedShard {
  std::string name;
  uint64_t bytes = 0;  ///< bytes of the file
  std::optional<uint64_t>
      checksum;  ///< checksum of its contents (checksum.h); nothing where the journal has none, or none of the entry
  std::vector<TensorLoss> tensors;  ///< as in the report
  bool damaged = false;             ///< as read: the entry is not as it was written
};

struct Journal {
  std::vector<SourceFile> source;
  CheckpointLayout target = CheckpointLayout::hugging_face_mxfp4;
  ScaleRule scale_rule = ScaleRule::ceil;
  uint64_t shard_bytes = 0;
  std::vector<FinishedShard> shards;

  const FinishedShard* find(const std::string& name) const;
};

/// Whole or not at all, as every file here.
Status write_journal(const std::string& folder, const Journal& journal);
/// Nothing if there is none. Error: it is damaged, or not a journal that this program writes.
Result<std::optional<Journal>> read_journal(const std::string& folder);
/// Error: the journal is of another conversion than `now`; says what differs.
Status check_same_conversion(const std::string& folder, const Journal& before, const Journal& now);

}  // namespace mxpath::convert
