#include "checkpoint/manifest.h"
#include "checkpoint/roles.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

uint64_t elements(const TensorRecord& record) {
  return static_cast<uint64_t>(record.experts) * static_cast<uint64_t>(record.rows) *
         static_cast<uint64_t>(record.columns);
}

void promise_mxfp4(TensorRecord& record) {
  record.name += blocks_suffix(CheckpointLayout::hugging_face_mxfp4);
  record.encoding = Encoding::mxfp4_blocks;
  record.data.bytes = elements(record) / 2;
  record.scales.bytes = elements(record) / mxfp4_block;
}

void promise_bf16(TensorRecord& record, bool transposed) {
  record.transposed = transposed;
  record.data.bytes = elements(record) * 2;
}

}  // namespace

Manifest manifest_from_config(const ModelConfig& config, std::string_view path) {
  Manifest manifest;
  manifest.path = path;
  manifest.config = config;
  manifest.header_only = true;
  // Rows that are no multiple of a block cannot be MXFP4, whatever the config says.
  const bool mxfp4 =
      config.quantized_mxfp4 && config.hidden % mxfp4_block == 0 && config.intermediate % mxfp4_block == 0;
  if (mxfp4 != config.quantized_mxfp4)
    manifest.remarks.push_back("config.json says MXFP4, but its dimensions are no multiples of 32; planned as BF16");
  manifest.config.quantized_mxfp4 = mxfp4;
  manifest.layout = mxfp4 ? CheckpointLayout::hugging_face_mxfp4 : CheckpointLayout::hugging_face_bf16;
  for (const auto& place : roles_of(config)) {
    TensorRecord record = blank_record(place, manifest.layout, config);
    const bool expert_matrix = place.row->expert_matrix();
    if (expert_matrix && mxfp4) promise_mxfp4(record);
    else promise_bf16(record, expert_matrix);
    manifest.tensors.push_back(std::move(record));
  }
  return manifest;
}

}  // namespace mxpath
