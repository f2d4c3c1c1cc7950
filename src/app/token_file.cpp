#include "app/token_file.h"

#include <unistd.h>

#include "base/json.h"
#include "base/system_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

Result<int32_t> token_of(const Json& value, size_t index, std::string_view where, int vocab) {
  if (!value.is_number_integer())
    return fail("{}: entry {} of the tokens is {}, not an integer", where, index, printable(value.dump(), 40));
  const bool fits = value.is_number_unsigned() ? value.get<uint64_t>() < static_cast<uint64_t>(vocab) : false;
  if (!fits)
    return fail("{}: entry {} of the tokens is {}, outside the model's vocabulary of {}", where, index, value.dump(),
                vocab);
  return static_cast<int32_t>(value.get<uint64_t>());
}

}  // namespace

Result<std::vector<int32_t>> parse_token_file(std::string_view json, std::string_view where, int vocab) {
  MXPATH_TRY(const Json parsed, parse_json(json, where));
  const bool wrapped = parsed.is_object() && parsed.contains("tokens");
  const Json& list = wrapped ? parsed["tokens"] : parsed;
  if (!list.is_array()) return fail("{}: expected a list of token ids, or an object with one under \"tokens\"", where);
  if (list.empty()) return fail("{}: the list of tokens is empty; give at least one id", where);
  std::vector<int32_t> tokens;
  tokens.reserve(list.size());
  for (const Json& value : list) {
    MXPATH_TRY(const int32_t token, token_of(value, tokens.size(), where, vocab));
    tokens.push_back(token);
  }
  return tokens;
}

Result<std::vector<int32_t>> read_token_file(const std::string& path, int vocab) {
  if (path == "-") {
    MXPATH_TRY(const std::string text, read_standard_input());
    return parse_token_file(text, "standard input", vocab);
  }
  MXPATH_TRY(const std::string text, read_input(path, input_limit));
  return parse_token_file(text, path, vocab);
}

Result<std::string> read_standard_input() { return read_to_end(STDIN_FILENO, "standard input", input_limit); }

}  // namespace mxpath
