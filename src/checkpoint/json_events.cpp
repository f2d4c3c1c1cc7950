#include "checkpoint/json_events.h"

namespace mxpath {

Status read_json_events(std::string_view text, JsonEvents& events, std::string_view where) {
  // nlohmann's lexer takes a zero byte for the end of the text and would not look at what follows it.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) return fail("{}: not valid JSON at byte {}", where, zero + 1);
  if (Json::sax_parse(text.data(), text.data() + text.size(), &events)) return {};
  return fail("{}: {}", where, events.problem().empty() ? "not valid JSON" : events.problem());
}

}  // namespace mxpath
