// What can be known of a model before a weight is read.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "chat/tokenizer.h"
#include "checkpoint/locate.h"
#include "checkpoint/manifest.h"
#include "engine/session.h"

namespace mxpath {

struct ModelFiles {
  std::string folder;
  Manifest manifest;
  std::shared_ptr<const Tokenizer> tokenizer;
  SamplingOptions
      sampling;  ///< what the model's generation_config.json says, else temperature 1 and top_p 1 as OpenAI recommends
};

/// Finds a model (a folder, a hub name, demo) and reads its headers, its tokenizer and its sampling defaults. Errors:
/// theirs.
Result<ModelFiles> open_model_files(std::string_view model, const ModelPlaces& places);

/// Error: the model has no rows for ids that a conversation needs. takes_tokens: the command could do without a
/// tokenizer, by reading ids.
Status check_vocabulary(const ModelFiles& files, bool takes_tokens = true);

/// Sampling defaults in the form of transformers' generation_config.json: do_sample (false: temperature 0),
/// temperature, top_p, top_k, min_p; null or absent fields change nothing. Errors: not a JSON object, a field of the
/// wrong type or out of range.
Result<SamplingOptions> parse_generation_config(std::string_view json, std::string_view where);

/// The ids that end a text without harmony: <|endoftext|>, <|return|> and eos_token_id of the config.
std::vector<Token> raw_stop_tokens(const ModelFiles& files);

}  // namespace mxpath
