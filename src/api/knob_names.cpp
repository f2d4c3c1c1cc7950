#include "api/knob_names.h"

namespace mxpath::api {
namespace {

/// The hint under its name in Options, where that differs.
Hint named(const mxpath::Hint& hint) {
  if (hint.knob != Knob::numerics) return {std::string(name_of(hint.knob)), hint.value};
  return {"fast_numerics", hint.value == "fast" ? "true" : "false"};
}

}  // namespace

std::string option_wording(const mxpath::Hint& hint) {
  const Hint option = named(hint);
  return fmt::format("{}{}{}", option.option, option.value.empty() ? "" : "=", option.value);
}

std::string in_option_names(std::string_view text) { return in_words(text, option_wording); }

std::vector<Hint> option_hints(std::string_view text) {
  std::vector<Hint> out;
  for (const mxpath::Hint& hint : hints_in(text)) out.push_back(named(hint));
  return out;
}

}  // namespace mxpath::api
