// JSON text to values without exceptions, with errors that say where.
#pragma once
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/result.h"

// Compiled once, in json.cpp, and not by every file that touches a value.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace mxpath {

/// Parses one JSON document in a time that is linear in its bytes. `where` (a file name) starts every error. Errors:
/// not UTF-8, not JSON or anything behind the document, a zero byte too (with the byte where it went wrong), a number
/// that is too large, a key twice in one object, nesting deeper than 256.
Result<Json> parse_json(std::string_view text, std::string_view where);

/// The part of nlohmann's event handler that every reader of events shares: the first problem, in words of ours.
class JsonHandler {
 public:
  /// Called by the parser: remembers the place, and what is wrong as far as a person can use it.
  bool parse_error(size_t byte, const std::string& token, const nlohmann::detail::exception& error);
  const std::string& problem() const { return problem_; }

 protected:
  ~JsonHandler() = default;
  /// Stops the parser. The first problem counts.
  bool refuse(std::string problem);

 private:
  friend Status json_verdict(bool, std::string_view, const JsonHandler&, std::string_view);
  std::string problem_;
  size_t byte_ = 0;  ///< where the text stops being JSON, from 1; 0: it does not
};

Status json_verdict(bool parsed, std::string_view text, const JsonHandler& handler, std::string_view where);

/// Feeds `text` to a handler with nlohmann's event functions that derives from JsonHandler. Errors: not UTF-8, not
/// JSON, or what the handler refused; `where` starts each.
template <class Handler>
Status feed_json(std::string_view text, Handler& handler, std::string_view where) {
  // nlohmann's lexer takes a zero byte for the end of the text and would not look at what follows it.
  const std::string_view looked_at = text.substr(0, text.find('\0'));
  return json_verdict(Json::sax_parse(looked_at.begin(), looked_at.end(), &handler), text, handler, where);
}

/// Puts a value together from events. Adding a key to a `Json` object looks through all of its keys; here each object
/// has a set beside it.
class JsonBuilder {
 public:
  explicit JsonBuilder(size_t deepest) : deepest_(deepest) {}

  /// Each is false when the value cannot go on; problem() says why.
  bool add(Json value);
  bool open(Json container);  ///< an empty object or array
  bool key(std::string&& key);
  void close();

  size_t depth() const { return open_.size(); }
  const std::string& problem() const { return problem_; }
  Json take() { return std::move(root_); }

 private:
  struct Level {
    Json* container;
    std::set<std::string> keys;
  };
  Json* put(Json value);

  size_t deepest_;
  Json root_;
  std::vector<Level> open_;  // a container that is open is the last value of the one around it, so it does not move
  std::string problem_;
};

}  // namespace mxpath
