#include "grammar/schema_place.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/text.h"

namespace mxpath::grammar {
namespace {

// A part of a JSON pointer without its escapes; none: it has others than ~0 and ~1.
std::optional<std::string> unescaped(std::string_view part) {
  std::string out;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '~') {
      out += part[i];
      continue;
    }
    if (++i == part.size() || (part[i] != '0' && part[i] != '1')) return {};
    out += part[i] == '0' ? '~' : '/';
  }
  return out;
}

// The first part of a pointer that begins with a slash; the pointer is shortened by it.
std::optional<std::string> take_part(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const size_t end = std::min(pointer.find('/'), pointer.size());
  std::optional<std::string> part = unescaped(pointer.substr(0, end));
  pointer.remove_prefix(end);
  return part;
}

const Json* item_at(const Json& array, std::string_view index) {
  size_t place = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), place);
  const bool whole = error == std::errc() && end == index.data() + index.size();
  const bool padded = index.size() > 1 && index[0] == '0';
  return whole && !padded && place < array.size() ? &array[place] : nullptr;
}

const Json* member_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// What a keyword that holds many schemas says of the one that `name` names; "": it holds one.
std::string one_of_many(std::string_view keyword, const std::string& name) {
  if (keyword == "properties") return fmt::format("property \"{}\"", printable(name, 40));
  if (keyword == "patternProperties") return fmt::format("the properties of pattern \"{}\"", printable(name, 40));
  if (keyword == "$defs" || keyword == "definitions") return fmt::format("definition \"{}\"", printable(name, 40));
  if (keyword == "prefixItems" || keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf")
    return fmt::format("{}[{}]", keyword, printable(name, 40));
  return {};
}

}  // namespace

std::string joined(std::string_view pointer, std::string_view name) {
  std::string out = std::string(pointer) + "/";
  for (const char c : name) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

const Json* pointed_to(const Json& root, std::string_view pointer) {
  const Json* at = &root;
  while (at && !pointer.empty()) {
    if (pointer[0] != '/') return nullptr;
    const std::optional<std::string> part = take_part(pointer);
    if (!part) return nullptr;
    if (at->is_array()) at = item_at(*at, *part);
    else at = at->is_object() ? member_of(*at, *part) : nullptr;
  }
  return at;
}

std::string place_in_words(std::string_view pointer) {
  std::vector<std::string> places;
  while (pointer.starts_with('/')) {
    const std::string keyword = take_part(pointer).value_or("");
    std::string_view rest = pointer;
    const std::string name = rest.starts_with('/') ? take_part(rest).value_or("") : "";
    if (std::string one = one_of_many(keyword, name); !one.empty() && rest != pointer) {
      places.push_back(std::move(one));
      pointer = rest;
    } else if (keyword == "items" || keyword == "unevaluatedItems") {
      places.emplace_back("the items");
    } else if (keyword == "additionalProperties" || keyword == "unevaluatedProperties") {
      places.emplace_back("the other properties");
    } else if (keyword == "propertyNames") {
      places.emplace_back("the names of properties");
    } else {
      places.push_back(printable(keyword, 40));
    }
  }
  if (places.empty()) return "at the top of the schema";
  std::string words = "in " + places.back();
  for (size_t i = places.size() - 1; i-- > 0;) words += " of " + places[i];
  return words;
}

}  // namespace mxpath::grammar
