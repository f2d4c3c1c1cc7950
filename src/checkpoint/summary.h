// What `inspect` says about a checkpoint.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// All tensors of one role and encoding, over the layers.
struct RoleSummary {
  Role role;
  Encoding encoding = Encoding::bf16;
  int count = 0;  ///< tensors
  std::vector<int64_t>
      shape;                ///< the shape of one: [experts, out, in], without the experts or the in where there is none
  uint64_t bytes = 0;       ///< bytes of all, scales included
  uint64_t parameters = 0;  ///< parameters of all
};

struct FileSummary {
  std::string path;
  uint64_t bytes = 0;  ///< tensor bytes that the manifest uses
};

struct CheckpointSummary {
  std::string path;
  ModelConfig config;
  CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4;
  bool header_only = false;
  std::vector<FileSummary> files;
  std::vector<RoleSummary> roles;  ///< in the order of the forward pass
  uint64_t bytes = 0, parameters = 0;
  /// Used for one token: one vocabulary matrix and experts_per_token experts per layer, as OpenAI counts.
  uint64_t active_parameters = 0;
  std::vector<std::string> remarks;  ///< remarks on the config and on the files
};

CheckpointSummary summarise(const Manifest& manifest);
std::string to_text(const CheckpointSummary& summary);
Json to_json(const CheckpointSummary& summary);

}  // namespace mxpath
