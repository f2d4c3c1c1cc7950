#include "chat/pretokenize.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/text.h"
#include "chat/utf8.h"

namespace mxpath {

const std::string_view o200k_pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string_view gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr size_t longest_pattern = 1 << 14;

template <auto free_function>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

// PCRE2's own \s still holds U+180E, which left White_Space with Unicode 6.3; the letters that are not here mean
// different things to Oniguruma and PCRE2, or depend on the engine's idea of a word.
Result<std::string> unify_classes(std::string_view pattern, std::string_view where) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '(' && pattern.substr(i, 2) == "(*")
      return fail("{}: the pattern begins a group with \"(*\", which only PCRE reads", where);
    if (c != '\\' || i + 1 == pattern.size()) {
      out += c;
      continue;
    }
    const char letter = pattern[++i];
    if (letter == 's') out += R"(\p{White_Space})";
    else if (letter == 'S') out += R"(\P{White_Space})";
    else if (letter == 'd') out += R"(\p{Nd})";
    else if (letter == 'D') out += R"(\P{Nd})";
    else if (const bool letter_or_digit = isalnum(static_cast<unsigned char>(letter));
             letter_or_digit && std::string_view("pPrntfxAzZ").find(letter) == std::string_view::npos)
      return fail("{}: the pattern has \\{}, which regular-expression engines read differently", where, letter);
    else (out += c) += letter;
  }
  return out;
}

}  // namespace

struct Pretokenizer::Stage {
  Code code;

  bool match(std::string_view text, size_t from, pcre2_match_data* data, pcre2_match_context* limits,
             bool& failed) const;
  void cut(std::string_view text, std::vector<std::string_view>& pieces, pcre2_match_data* data,
           pcre2_match_context* limits) const;
};

Pretokenizer::Pretokenizer() = default;
Pretokenizer::~Pretokenizer() = default;
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;

Status Pretokenizer::add(std::string_view pattern, bool literal, std::string_view where) {
  if (pattern.empty() || pattern.size() > longest_pattern)
    return fail("{}: the pattern has {} bytes; 1 to {} are accepted", where, pattern.size(), longest_pattern);
  std::string text(pattern);
  if (!literal) {
    MXPATH_TRY(text, unify_classes(pattern, where));
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &error, &offset, nullptr));
  if (!code) {
    PCRE2_UCHAR reason[160] = {};
    pcre2_get_error_message(error, reason, sizeof reason);
    return fail("{}: the pattern is not a regular expression: {}", where,
                printable(reinterpret_cast<const char*>(reason), 160));
  }
  pcre2_jit_compile(code.get(),
                    PCRE2_JIT_COMPLETE);  // where the system forbids executable memory, the interpreter runs
  stages_.push_back({std::move(code)});
  return {};
}

bool Pretokenizer::Stage::match(std::string_view text, size_t from, pcre2_match_data* data, pcre2_match_context* limits,
                                bool& failed) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = pcre2_match(code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, data, limits);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, limits);
  failed = found < 0 && found != PCRE2_ERROR_NOMATCH;
  return found >= 0;
}

void Pretokenizer::Stage::cut(std::string_view text, std::vector<std::string_view>& pieces, pcre2_match_data* data,
                              pcre2_match_context* limits) const {
  const auto emit = [&](size_t begin, size_t end) {
    if (begin < end) pieces.push_back(text.substr(begin, end - begin));
  };
  size_t done = 0;  // everything before is in a piece
  bool failed = false;
  for (size_t from = 0; from < text.size() && match(text, from, data, limits, failed);) {
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data);
    const size_t begin = std::max<size_t>(bounds[0], done),
                 end = std::max<size_t>(bounds[1], begin);  // \K and look-behind
    emit(done, begin);
    emit(begin, end);
    done = end;
    from = end > begin ? end : end + std::max<size_t>(utf8_step(text.substr(end, 4)).length, 1);
  }
  emit(done, text.size());
}

void Pretokenizer::cut(std::string_view text, std::vector<std::string_view>& pieces) const {
  const MatchContext limits(pcre2_match_context_create(nullptr));
  const MatchData data(pcre2_match_data_create(1, nullptr));
  if (!limits || !data) return pieces.push_back(text);
  // The o200k pattern backtracks over a piece a few times at most; only a hostile pattern of a tokenizer.json comes
  // near these.
  pcre2_set_match_limit(limits.get(),
                        static_cast<uint32_t>(std::clamp<size_t>(100 * text.size(), 10'000'000, UINT32_MAX)));
  pcre2_set_heap_limit(limits.get(), 256 << 10);  // KiB
  std::vector<std::string_view> before, after{text};
  for (const Stage& stage : stages_) {
    before.swap(after);
    after.clear();
    for (const std::string_view piece : before) stage.cut(piece, after, data.get(), limits.get());
  }
  pieces.insert(pieces.end(), after.begin(), after.end());
}

}  // namespace mxpath
