#include "grammar/schema_cost.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace mxpath::grammar {
namespace {

// Characters written out so far at one depth of brackets, and how many of them the last part has.
struct Written {
  double all = 0, last = 0;
  void add(double part) {
    all += part;
    last = part;
  }
};

// The larger number of "{2}", "{2,}" or "{2,5}".
double most_repeated(std::string_view braces) {
  const std::string text(braces.substr(1));
  const double least = std::strtod(text.c_str(), nullptr);
  const size_t comma = text.find(',');
  return comma == std::string::npos ? least : std::max(least + 1, std::strtod(text.c_str() + comma + 1, nullptr));
}

bool is_repetition(std::string_view rest) { return rest.size() > 1 && rest[1] >= '0' && rest[1] <= '9'; }

// The place of the bracket that closes the one at `at`.
size_t end_of_class(std::string_view pattern, size_t at) {
  for (++at; at < pattern.size() && pattern[at] != ']'; ++at)
    if (pattern[at] == '\\') ++at;
  return at;
}

}  // namespace

double milliseconds_of_object(const Json& enforced) {
  if (!enforced.contains("properties")) return 0;
  const auto all = static_cast<double>(enforced["properties"].size());
  const auto required = enforced.contains("required") ? static_cast<double>(enforced["required"].size()) : 0.0;
  const double optional = std::max(0.0, all - required);
  double milliseconds = 0.5 * all + 0.012 * optional * optional;
  // Every number of properties that came so far is a state of its own.
  if (enforced.contains("minProperties") || enforced.contains("maxProperties")) milliseconds += 0.004 * all * all * all;
  // Other names are told from each of these.
  if (enforced.value("additionalProperties", Json(true)) != false) milliseconds += 40 * all;
  return milliseconds;
}

double written_out(std::string_view pattern) {
  std::vector<Written> open(1);
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '(') {
      open.emplace_back();
    } else if (c == ')' && open.size() > 1) {
      const double inside = open.back().all;
      open.pop_back();
      open.back().add(inside);
    } else if (c == '{' && is_repetition(pattern.substr(i))) {
      Written& here = open.back();
      const double more = here.last * (most_repeated(pattern.substr(i)) - 1);
      here.all += more;
      here.last += more;
      i = std::min(pattern.find('}', i), pattern.size());
    } else {
      if (c == '\\') ++i;
      else if (c == '[') i = end_of_class(pattern, i);
      open.back().add(1);
    }
  }
  double all = 0;
  for (const Written& part : open) all += part.all;
  return all;
}

}  // namespace mxpath::grammar
