#include "checkpoint/json_events.h"

namespace mxpath {

Status read_json_events(std::string_view text, JsonEvents& events, std::string_view where) {
  return feed_json(text, events, where);
}

}  // namespace mxpath
