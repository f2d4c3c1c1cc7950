#include "engine/waiting_line.h"

namespace mxpath {

void WaitingLine::push(Choice& choice) {
  const Request& request = choice.of->request;
  levels_[request.priority].lines[request.key].insert(&choice);
}

Choice* WaitingLine::front() const {
  if (levels_.empty()) return nullptr;
  const Level& level = levels_.begin()->second;
  auto line = level.lines.upper_bound(level.last_key);
  if (line == level.lines.end()) line = level.lines.begin();
  return *line->second.begin();
}

void WaitingLine::remove(Choice& choice, bool served) {
  const Request& request = choice.of->request;
  const auto level = levels_.find(request.priority);
  if (level == levels_.end()) return;
  const auto line = level->second.lines.find(request.key);
  if (line == level->second.lines.end()) return;
  if (served) level->second.last_key = request.key;
  line->second.erase(&choice);
  if (line->second.empty()) level->second.lines.erase(line);
  if (level->second.lines.empty()) levels_.erase(level);
}

}  // namespace mxpath
