#include "base/json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace mxpath {
namespace {

constexpr int number_too_large = 406;

/// What nlohmann's text about a token means for whoever wrote the file; "" where the byte alone says more.
std::string_view plain_reason(std::string_view library_text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> reasons = {{
      {"UTF-8", "it is not UTF-8"},
      {"surrogate", "\\u escape of half a surrogate pair"},
      {"hex digits", "\\u needs four hexadecimal digits"},
      {"after backslash", "no such escape"},
      {"control character", "a control character inside a string must be escaped"},
      {"BOM", "it is not UTF-8"},
  }};
  for (const auto& [sign, reason] : reasons)
    if (library_text.find(sign) != std::string_view::npos) return reason;
  return "";
}

bool is_utf16(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// Events to a value: nothing is special.
class ValueReader : public JsonHandler {
 public:
  bool null() { return done(builder_.add(nullptr)); }
  bool boolean(bool v) { return done(builder_.add(v)); }
  bool number_integer(int64_t v) { return done(builder_.add(v)); }
  bool number_unsigned(uint64_t v) { return done(builder_.add(v)); }
  bool number_float(double v, const std::string&) { return done(builder_.add(v)); }
  bool string(std::string& v) { return done(builder_.add(std::move(v))); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(size_t) { return done(builder_.open(Json::object())); }
  bool start_array(size_t) { return done(builder_.open(Json::array())); }
  bool end_object() { return builder_.close(), true; }
  bool end_array() { return builder_.close(), true; }
  bool key(std::string& v) { return done(builder_.key(std::move(v))); }
  Json take() { return builder_.take(); }

 private:
  bool done(bool good) { return good || refuse(builder_.problem()); }
  JsonBuilder builder_{256};
};

}  // namespace

bool JsonHandler::parse_error(size_t byte, const std::string& token, const nlohmann::detail::exception& error) {
  byte_ = byte;
  return refuse(error.id == number_too_large ? fmt::format("the number {} is too large", printable(token, 40))
                                             : std::string(plain_reason(error.what())));
}

bool JsonHandler::refuse(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  return false;
}

Status json_verdict(bool parsed, std::string_view text, const JsonHandler& handler, std::string_view where) {
  const size_t end = std::min(text.find('\0'), text.size());
  if (!parsed && handler.byte_ == 0)
    return fail("{}: {}", where, handler.problem_.empty() ? "not valid JSON" : handler.problem_);
  if (parsed && end == text.size()) return {};
  const size_t byte = parsed ? end + 1 : handler.byte_;
  std::string_view reason = handler.problem_;
  if (is_utf16(text)) reason = "it is UTF-16; save it as UTF-8";
  else if (byte > end && end < text.size()) reason = "a zero byte";
  else if (is_blank(text)) reason = "it is empty";
  else if (byte > end) reason = "it ends too early";
  return fail("{}: not valid JSON at byte {}{}{}", where, byte, reason.empty() ? "" : ": ", reason);
}

bool JsonBuilder::add(Json value) { return put(std::move(value)) != nullptr; }

bool JsonBuilder::open(Json container) {
  if (open_.size() == deepest_) return problem_ = fmt::format("nested deeper than {} levels", deepest_), false;
  Json* placed = put(std::move(container));
  open_.push_back({placed, {}});
  return true;
}

bool JsonBuilder::key(std::string&& key) {
  Level& level = open_.back();
  if (!level.keys.insert(key).second)
    return problem_ = fmt::format("key \"{}\" appears twice in one object", printable(key)), false;
  // Past the map's own emplace, which would look for the key once more, one by one.
  level.container->get_ref<Json::object_t&>().emplace_back(std::move(key), Json());
  return true;
}

void JsonBuilder::close() { open_.pop_back(); }

Json* JsonBuilder::put(Json value) {
  if (open_.empty()) return root_ = std::move(value), &root_;
  Json& parent = *open_.back().container;
  if (parent.is_array()) {
    auto& list = parent.get_ref<Json::array_t&>();
    return &list.emplace_back(std::move(value));
  }
  Json& place = parent.get_ref<Json::object_t&>().back().second;
  return place = std::move(value), &place;
}

Result<Json> parse_json(std::string_view text, std::string_view where) {
  ValueReader reader;
  MXPATH_CHECK(feed_json(text, reader, where));
  return reader.take();
}

}  // namespace mxpath
