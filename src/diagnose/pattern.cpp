#include "diagnose/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/text.h"

namespace mxpath::diagnose {
namespace {

/// A space becomes \s*; inside a character class it stays.
std::string with_loose_spaces(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      result.append(pattern.substr(i++, 2));
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    if (c == ' ' && !in_class) result += "\\s*";
    else result.push_back(c);
  }
  return result;
}

pcre2_match_context* bounded_context() {
  static pcre2_match_context* context = [] {
    pcre2_match_context* made = pcre2_match_context_create(nullptr);
    if (made) pcre2_set_match_limit(made, 200000);
    return made;
  }();
  return context;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view pattern) {
  const std::string source = with_loose_spaces(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                   PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_MULTILINE, &error, &offset, nullptr);
  if (!code) return fail("signature pattern \"{}\": error {} at character {}", printable(pattern, 120), error, offset);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  Pattern result;
  result.code_ = std::shared_ptr<void>(code, [](void* p) { pcre2_code_free(static_cast<pcre2_code*>(p)); });
  return result;
}

bool Pattern::find(std::string_view text, PatternMatch& match) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
      pcre2_match_data_create_from_pattern(code, nullptr), pcre2_match_data_free);
  if (!data) return false;
  const int count =
      pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, data.get(), bounded_context());
  if (count <= 0) return false;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
  match.begin = ends[0];
  match.end = ends[1];
  match.groups.clear();
  match.ends.clear();
  for (int i = 1; i < count; ++i) {
    const bool set = ends[2 * i] != PCRE2_UNSET;
    match.groups.push_back(set ? std::string(text.substr(ends[2 * i], ends[2 * i + 1] - ends[2 * i])) : std::string());
    match.ends.push_back(set ? ends[2 * i + 1] : 0);
  }
  return true;
}

std::string normalised(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte == '"' || byte == '\'' || byte == '`' || byte == '\\') continue;
    if (byte == 0xe2 && i + 2 < text.size() &&
        (static_cast<uint8_t>(text[i + 1]) == 0x94 || static_cast<uint8_t>(text[i + 1]) == 0x95)) {
      i += 2;  // U+2500 to U+257F, box drawing
      continue;
    }
    result.push_back(byte < ' ' && byte != '\n' ? ' ' : text[i]);
  }
  return result;
}

}  // namespace mxpath::diagnose
