// How a checkpoint's tensors are spread over files, and what the files are called.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"

namespace mxpath {

/// Indices at which a new file starts, and the end: a file takes what follows until it would pass `shard_bytes`.
std::vector<size_t> cut_into_shards(std::span<const uint64_t> sizes, uint64_t shard_bytes);

/// model.safetensors, model-00001-of-00003.safetensors (Hugging Face) or model--00001-of-00003.safetensors (OpenAI).
/// `shard` from 0.
std::string shard_name(size_t shard, size_t shards, CheckpointLayout layout);

/// model.safetensors.index.json: tensor → file, and the bytes of all tensors.
std::string shard_index_json(const std::map<std::string, std::string>& weight_map, uint64_t total_size);

}  // namespace mxpath
