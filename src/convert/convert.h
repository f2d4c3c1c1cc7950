// A checkpoint in another layout or number format, on disk.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "base/result.h"
#include "checkpoint/manifest.h"
#include "convert/loss.h"
#include "formats/e8m0.h"

namespace mxpath::convert {

/// "bf16" (Hugging Face, dequantised), "mxfp4" (Hugging Face) and "original" (OpenAI's names); the names of the layouts
/// as a target.
std::optional<CheckpointLayout> parse_target(std::string_view name);
std::string_view target_name(CheckpointLayout layout);
std::optional<ScaleRule> parse_scale_rule(std::string_view name);
std::string_view name_of(ScaleRule rule);

struct ConvertOptions {
  CheckpointLayout target = CheckpointLayout::hugging_face_mxfp4;
  /// For numbers that are not MXFP4 yet. `ceil` and `ocp` give every tensor back whose values lie on the grid of some
  /// MXFP4 tensor, bit for bit in value, and in the bytes of each block that has a ±4 or ±6 (formats/mxfp4.h); `ceil`,
  /// OpenAI's own, never saturates.
  ScaleRule scale_rule = ScaleRule::ceil;
  uint64_t shard_bytes = 5'000'000'000;  ///< a new file starts when the next tensor would pass this
  bool resume = false;                   ///< go on with what an earlier run left
  int threads = 0;                       ///< 0: all processors that this process may use
  Progress progress;                     ///< bytes written, on the calling thread

  /// For tests: free bytes of a folder's disk, and an errno for a write after so many bytes (0: let it be written).
  std::function<uint64_t(const std::string& folder)> free_bytes;
  std::function<int(uint64_t written)> write_fault;
};

struct TensorLoss {
  std::string name;  ///< in the target
  Loss loss;
};

struct ConvertReport {
  std::string from, to;
  uint64_t bytes = 0;
  size_t files = 0;
  std::vector<TensorLoss> tensors;  ///< those whose numbers were written in another format
  std::vector<std::string> remarks;
};

/// Converts `source` (open_source: a folder of any layout, or a GGUF file) into the folder `target_folder`, which must
/// not exist or be empty. Weights are streamed: two experts of one matrix are in memory at most. Each file is written
/// under a temporary name, synced and renamed; convert.json tells what is done until all is, and config.json comes
/// last: a run that was killed leaves a folder that does not open, and that `resume` completes. `resume` reads what is
/// finished and compares it with the checksum of what was written; a file that differs, whose entry in convert.json
/// does, or that was made from source files whose status changed since, is written again, and a remark says so. Errors:
/// those of open_source; a folder that is in use; MXFP4 for rows that blocks of 32 do not divide; no room on the disk
/// (told before anything is written, or when it fills up); no memory; `resume` with another source or other options, or
/// into a folder that no conversion left (nothing in it is touched) or that holds weights of another; a NaN or an
/// infinity; a source that changes meanwhile: sizes and times are compared before each expert or MiB is read, for each
/// file that is finished, and once more before config.json. What that cannot catch: a file cut short between the
/// comparison and a read of it (SIGBUS, as when a disk fails: what then happens is the program's affair, and the folder
/// can be resumed from the same source; a write of such bytes is an error like another), and bytes that change without
/// the size or the time of the file.
Result<ConvertReport> convert(const std::string& source, const std::string& target_folder,
                              const ConvertOptions& options);

/// What was written, and what was lost, tensor by tensor.
std::string to_text(const ConvertReport& report);
Json to_json(const ConvertReport& report);

}  // namespace mxpath::convert
