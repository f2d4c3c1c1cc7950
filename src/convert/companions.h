// What lies beside the weights: config.json, mended for the new format, and the tokenizer's files.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/safetensors.h"
#include "convert/source.h"

namespace mxpath::convert {

/// config.json of the target: the source's own with quantization_config added or taken away and all else as it was;
/// made from what the source says where that is another kind of file. Error: OpenAI's file cannot say it
/// (original_config_json).
Result<std::string> target_config(const Source& source, CheckpointLayout target);

/// OpenAI's dtypes.json for the tensors of an original checkpoint.
std::string original_dtypes_json(const std::vector<SafetensorsItem>& items);

/// Files to copy: tokenizer, chat template, generation_config.json, licence; those whose names are there, whatever they
/// are: a link to nothing, a pipe or a folder must not be left out without a word.
std::vector<std::string> companion_files(const Source& source);
bool is_companion_name(std::string_view name);

}  // namespace mxpath::convert
