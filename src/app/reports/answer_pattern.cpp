#include "app/reports/answer_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr uint32_t most_steps = 1'000'000, most_heap_kib = 1 << 16;

std::string text_of(int error) {
  std::array<PCRE2_UCHAR, 128> text{};
  return pcre2_get_error_message(error, text.data(), text.size()) < 0 ? fmt::format("error {}", error)
                                                                      : reinterpret_cast<const char*>(text.data());
}

}  // namespace

Result<AnswerPattern> AnswerPattern::compile(std::string_view pattern) {
  constexpr uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, nullptr);
  if (!code) return fail("{} at character {}", text_of(error), offset);
  AnswerPattern out;
  out.code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); });
  return out;
}

Result<bool> AnswerPattern::is_in(std::string_view text) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> match(
      pcre2_match_data_create_from_pattern(code, nullptr), pcre2_match_data_free);
  const std::unique_ptr<pcre2_match_context, void (*)(pcre2_match_context*)> limits(pcre2_match_context_create(nullptr),
                                                                                    pcre2_match_context_free);
  if (!match || !limits) return fail("no memory is left");
  pcre2_set_match_limit(limits.get(), most_steps);
  pcre2_set_heap_limit(limits.get(), most_heap_kib);
  const int found =
      pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(), limits.get());
  if (found == PCRE2_ERROR_NOMATCH) return false;
  if (found < 0) return fail("{}", text_of(found));
  return true;
}

}  // namespace mxpath
