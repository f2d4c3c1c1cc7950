// What loggers, schedulers and containers put before a message. Hand-written: it runs on every line of a log.
#include <array>

#include "diagnose/log_lines.h"

namespace mxpath::diagnose {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool word(char c) { return digit(c) || letter(c) || c == '_' || c == '-' || c == '.'; }

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 1469598103934665603ull;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  return hash | 1;
}

/// Walks over one line.
struct Walk {
  std::string_view line;
  size_t at = 0;

  std::string_view rest() const { return line.substr(at); }
  char here(size_t ahead = 0) const { return at + ahead < line.size() ? line[at + ahead] : '\0'; }
  void skip_spaces() {
    while (here() == ' ' || here() == '\t') ++at;
  }
};

struct LevelWord {
  std::string_view text;
  Level level;
};
constexpr LevelWord level_words[] = {
    {"INFO", Level::info},          {"WARNING", Level::warning},  {"WARN", Level::warning},
    {"ERROR", Level::error},        {"DEBUG", Level::debug},      {"CRITICAL", Level::error},
    {"FATAL", Level::error},        {"TRACE", Level::debug},      {"Info", Level::info},
    {"level=info", Level::info},    {"level=INFO", Level::info},  {"level=DEBUG", Level::debug},
    {"level=WARN", Level::warning}, {"level=ERROR", Level::error}};

bool take_level(Walk& walk, LinePrefix& prefix) {
  for (const LevelWord& row : level_words) {
    if (walk.rest().substr(0, row.text.size()) != row.text) continue;
    const char after = walk.here(row.text.size());
    if (word(after) && after != '-') return false;
    walk.at += row.text.size();
    while (walk.here() == ':' || walk.here() == '-' || walk.here() == ']') ++walk.at;
    prefix.level = row.level;
    return true;
  }
  return false;
}

/// A run of digits and the separators of dates and times that holds a time or a date; 2026-01-17T18:48:10.418+01:00,
/// 16:10:33, 04-12.
bool take_time(Walk& walk, LinePrefix& prefix) {
  if (!digit(walk.here())) return false;
  size_t length = 0, separators = 0;
  while (digit(walk.here(length)) ||
         (walk.here(length) && std::string_view(":-/.T+Z,").find(walk.here(length)) != std::string_view::npos)) {
    separators += walk.here(length) == ':' || walk.here(length) == '-' || walk.here(length) == '/';
    ++length;
  }
  if (separators == 0 || word(walk.here(length)) || length < 5) return false;
  walk.at += length;
  prefix.dated = true;
  return true;
}

/// "Aug 07 11:18:18 host program[pid]:"
bool take_syslog(Walk& walk, LinePrefix& prefix) {
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::string_view rest = walk.rest();
  if (rest.size() < 16 || rest[3] != ' ' || !letter(rest[0])) return false;
  const size_t month = months.find(rest.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0 || rest[9] != ':' || rest[12] != ':') return false;
  size_t end = rest.find(": ", 15);
  if (end == std::string_view::npos || end > 120) return false;
  prefix.process = hash_of(rest.substr(15, end - 15));
  prefix.dated = true;
  walk.at += end + 2;
  return true;
}

/// (EngineCore pid=12), (VllmWorker rank=0 pid=3), (APIServer pid=1)
bool take_process(Walk& walk, LinePrefix& prefix) {
  if (walk.here() != '(') return false;
  const size_t end = walk.rest().substr(0, 120).find(')');
  if (end == std::string_view::npos) return false;
  const std::string_view inside = walk.rest().substr(1, end - 1);
  if (inside.find("pid=") == std::string_view::npos && inside.find("Worker") == std::string_view::npos &&
      inside.find("rank") == std::string_view::npos && inside.find("Engine") == std::string_view::npos)
    return false;
  prefix.process = hash_of(inside);
  walk.at += end + 1;
  return true;
}

Level level_inside(std::string_view inside) {
  for (const LevelWord& row : level_words)
    if (inside == row.text ||
        (inside.size() > row.text.size() && inside.substr(inside.size() - row.text.size()) == row.text &&
         !word(inside[inside.size() - row.text.size() - 1])))
      return row.level;
  if (inside == "E") return Level::error;
  if (inside == "W") return Level::warning;
  return inside == "I" ? Level::info : inside == "D" || inside == "V" ? Level::debug : Level::unmarked;
}

bool has_time(std::string_view inside) {
  for (size_t i = 2; i + 2 < inside.size(); ++i)
    if (inside[i] == ':' && digit(inside[i - 1]) && digit(inside[i + 1])) return true;
  return false;
}

/// [rank0]:, [2025-11-05 11:44:09 TP0], [core.py:718], [TRT-LLM], [E]; anything else in brackets belongs to the
/// message.
bool take_bracket(Walk& walk, LinePrefix& prefix) {
  if (walk.here() != '[') return false;
  const size_t end = walk.rest().substr(0, 100).find(']');
  if (end == std::string_view::npos || end < 2) return false;
  const std::string_view inside = walk.rest().substr(1, end - 1);
  const bool rank = inside.substr(0, 4) == "rank" || inside.substr(0, 4) == "Rank" || inside.substr(0, 2) == "1,";
  const bool source = inside.find(".py:") != std::string_view::npos || inside.find(".go:") != std::string_view::npos ||
                      inside.find(".cpp:") != std::string_view::npos;
  const bool time = has_time(inside);
  const Level level = level_inside(inside);
  if (!rank && !source && !time && level == Level::unmarked && inside != "TRT-LLM" && inside != "stderr" &&
      inside != "stdout")
    return false;
  if (rank) prefix.process = hash_of(inside);
  if (time) {
    prefix.dated = true;
    const size_t tag = inside.find_last_of(' ');  // "2025-11-05 11:44:09 TP0"
    if (tag != std::string_view::npos && letter(inside[tag + 1 < inside.size() ? tag + 1 : tag]))
      prefix.process = hash_of(inside.substr(tag + 1));
  }
  if (level != Level::unmarked) prefix.level = level;
  walk.at += end + 1;
  if (walk.here() == ':') ++walk.at;
  return true;
}

/// "ollama  | ", "vllm-openai_1  | ", "stderr F ", "stdout/INFO  "
bool take_container(Walk& walk, LinePrefix& prefix) {
  const std::string_view rest = walk.rest();
  if (rest.substr(0, 9) == "stderr F " || rest.substr(0, 9) == "stdout F ") return walk.at += 9, true;
  if (rest.substr(0, 7) == "stdout/" || rest.substr(0, 7) == "stderr/") {
    walk.at += 7;
    LinePrefix ignored;  // the stream's level, not the message's
    take_level(walk, ignored);
    return true;
  }
  size_t name = 0;
  while (word(walk.here(name))) ++name;
  size_t bar = name;
  while (walk.here(bar) == ' ') ++bar;
  if (name < 2 || name > 60 || bar == name || walk.here(bar) != '|' || walk.here(bar + 1) != ' ') return false;
  prefix.process = hash_of(rest.substr(0, name));
  walk.at += bar + 2;
  return true;
}

/// glog: "E0813 06:09:49.845341 140336920782592 torch/x.py:205] "
bool take_glog(Walk& walk, LinePrefix& prefix) {
  const char c = walk.here();
  if ((c != 'E' && c != 'W' && c != 'I' && c != 'F') || !digit(walk.here(1)) || !digit(walk.here(4)) ||
      walk.here(5) != ' ' || !digit(walk.here(6)))
    return false;
  const size_t end = walk.rest().substr(0, 200).find("] ");
  if (end == std::string_view::npos) return false;
  prefix.level = c == 'W' ? Level::warning : c == 'I' ? Level::info : Level::error;
  prefix.dated = true;
  walk.at += end + 2;
  return true;
}

bool take_one(Walk& walk, LinePrefix& prefix) {
  const char c = walk.here();
  if (c == '(') return take_process(walk, prefix);
  if (c == '[') return take_bracket(walk, prefix);
  if (c == '>') return ++walk.at, true;
  if (digit(c)) return take_time(walk, prefix);
  if (c == 'l' && walk.rest().substr(0, 6) == "level=") return take_level(walk, prefix);
  if (c == 't' && walk.rest().substr(0, 5) == "time=") {
    const size_t end = walk.rest().find(' ');
    if (end == std::string_view::npos) return false;
    prefix.dated = true;
    return walk.at += end + 1, true;
  }
  if (!letter(c)) return false;
  return take_level(walk, prefix) || take_glog(walk, prefix) || take_syslog(walk, prefix) ||
         take_container(walk, prefix);
}

}  // namespace

LinePrefix prefix_of(std::string_view line) {
  LinePrefix prefix;
  Walk walk{line};
  for (int parts = 0; parts < 10; ++parts) {
    Walk next = walk;
    next.skip_spaces();
    if (next.at >= line.size() || !take_one(next, prefix)) break;
    walk = next;
  }
  prefix.length = walk.at;
  return prefix;
}

}  // namespace mxpath::diagnose
