#include "diagnose/language.h"

namespace mxpath::diagnose {

Language language_of_locale(std::string_view locale) {
  const bool korean =
      locale.substr(0, 2) == "ko" && (locale.size() == 2 || locale[2] == '_' || locale[2] == '.' || locale[2] == '-');
  return korean ? Language::ko : Language::en;
}

}  // namespace mxpath::diagnose
