#include "app/model_files.h"

#include <algorithm>
#include <climits>
#include <filesystem>

#include "base/hint.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

Result<SamplingOptions> sampling_of(const std::string& folder) {
  const std::string path = (fs::path(folder) / "generation_config.json").string();
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(path, ignored))) return SamplingOptions{};
  MXPATH_TRY(const std::string text, read_text_file(path, 1 << 20));
  return parse_generation_config(text, path);
}

/// Sets `target` if the field is there. Error: it is no number.
Status take_number(const Json& json, const char* field, std::string_view where, float& target) {
  const auto value = json.find(field);
  if (value == json.end() || value->is_null()) return {};
  if (!value->is_number()) return fail("{}: {} is {}, not a number", where, field, printable(value->dump(), 40));
  target = value->get<float>();
  return {};
}

/// The same for a count.
Status take_count(const Json& json, const char* field, std::string_view where, int& target) {
  const auto value = json.find(field);
  if (value == json.end() || value->is_null()) return {};
  if (!value->is_number_unsigned() || value->get<uint64_t>() > INT_MAX)
    return fail("{}: {} is {}, not a whole number from 0 to {}", where, field, printable(value->dump(), 40), INT_MAX);
  target = value->get<int>();
  return {};
}

}  // namespace

Result<SamplingOptions> parse_generation_config(std::string_view json, std::string_view where) {
  MXPATH_TRY(const Json parsed, parse_json(json, where));
  if (!parsed.is_object()) return fail("{}: not a JSON object", where);
  SamplingOptions out;
  MXPATH_CHECK(take_number(parsed, "temperature", where, out.temperature));
  MXPATH_CHECK(take_number(parsed, "top_p", where, out.top_p));
  MXPATH_CHECK(take_number(parsed, "min_p", where, out.min_p));
  MXPATH_CHECK(take_count(parsed, "top_k", where, out.top_k));
  if (const auto sample = parsed.find("do_sample");
      sample != parsed.end() && sample->is_boolean() && !sample->get<bool>())
    out.temperature = 0;
  if (const auto status = check_sampling(out); !status.ok()) return fail("{}: {}", where, status.error().message);
  return out;
}

Result<ModelFiles> open_model_files(std::string_view model, const ModelPlaces& places) {
  ModelFiles files;
  MXPATH_TRY(LocatedModel located, locate(model, places));
  files.folder = std::move(located.folder);
  MXPATH_TRY(files.manifest, open_manifest(files.folder));
  auto& decisions = files.manifest.decisions;
  decisions.insert(decisions.begin(), located.decisions.begin(), located.decisions.end());
  MXPATH_TRY(files.tokenizer, Tokenizer::for_model(files.folder));
  MXPATH_TRY(files.sampling, sampling_of(files.folder));
  return files;
}

Status check_vocabulary(const ModelFiles& files, bool takes_tokens) {
  const int vocab = files.manifest.config.vocab;
  const Token largest = files.tokenizer->special().largest;
  if (largest < vocab) return {};
  return fail(
      "{}: the vocabulary of the model has {} entries and its tokenizer ({}) gives ids up to {}; put the "
      "tokenizer.json that belongs to "
      "the model beside it{}",
      files.folder, vocab, files.tokenizer->source(), largest,
      takes_tokens ? fmt::format(", or use {}", mention(Knob::tokens)) : "");
}

std::vector<Token> raw_stop_tokens(const ModelFiles& files) {
  const SpecialTokens& special = files.tokenizer->special();
  std::vector<Token> out = files.manifest.config.eos;
  // Without harmony's own vocabulary these ids are ordinary ones.
  if (special.largest < files.manifest.config.vocab) out.insert(out.end(), {special.end_of_text, special.return_});
  std::erase_if(out, [](Token id) { return id < 0; });
  return out;
}

}  // namespace mxpath
