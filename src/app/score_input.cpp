#include "app/score_input.h"

#include "app/token_file.h"
#include "base/json.h"
#include "base/system_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

Result<std::string> read(const std::string& path) {
  return path == "-" ? read_standard_input() : read_input(path, input_limit);
}

std::string named(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<std::vector<Token>> tokens_of_line(std::string_view line, const std::string& where, const ModelFiles& files) {
  if (!line.starts_with('{')) return files.tokenizer->encode(line);
  MXPATH_TRY(const Json json, parse_json(line, where));
  const bool text = json.contains("text");
  if (json.size() != 1 || text == json.contains("tokens"))
    return fail("{}: expected an object with \"text\" or \"tokens\" alone", where);
  if (!text) return parse_token_file(json["tokens"].dump(), where, files.manifest.config.vocab);
  if (!json["text"].is_string() || json["text"].get_ref<const std::string&>().empty())
    return fail("{}: \"text\" must be a text that is not empty", where);
  return files.tokenizer->encode(json["text"].get_ref<const std::string&>());
}

}  // namespace

Result<ScoreInput> read_score_file(const std::string& path, const ModelFiles& files) {
  MXPATH_TRY(const std::string text, read(path));
  if (text.empty()) return fail("{}: is empty; there is nothing to score", named(path));
  return ScoreInput{named(path), files.tokenizer->encode(text)};
}

Result<std::vector<ScoreInput>> parse_score_lines(std::string_view text, std::string_view where,
                                                  const ModelFiles& files) {
  std::vector<ScoreInput> inputs;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::string name = fmt::format("{}:{}", where, number);
    MXPATH_TRY(auto tokens, tokens_of_line(line, name, files));
    inputs.push_back({std::move(name), std::move(tokens)});
  }
  if (inputs.empty()) return fail("{}: there is no text in it", where);
  return inputs;
}

Result<std::vector<ScoreInput>> read_score_lines(const std::string& path, const ModelFiles& files) {
  MXPATH_TRY(const std::string text, read(path));
  return parse_score_lines(text, named(path), files);
}

}  // namespace mxpath
