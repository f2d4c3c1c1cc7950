// Strict reading of the fields of a body: what is wrong is told with the path of the field.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/api_error.h"

namespace mxpath::openai {

/// "messages" and "role" → "messages.role"; a path that is "" is that of the body itself.
std::string path_of_field(std::string_view path, std::string_view name);
/// "messages" and 2 → "messages[2]".
std::string path_of_item(std::string_view path, size_t index);

/// "a text", "a number", "a boolean", "a list", "an object" or "null".
std::string_view kind_of(const Json& value);
/// 400: "PATH must be a number, but it is a text".
ApiError wrong_type(std::string path, std::string_view wanted, const Json& value);

/// The fields of one JSON object, which must outlive it. Where a field is missing or null, what is to be set stays as
/// it is. Types are strict: "1" is no number, 1 no boolean, 1.0 no whole number. Errors of all: 400 with the path.
class FieldReader {
 public:
  /// Error: not an object.
  static Asked<FieldReader> open(const Json& value, std::string path = {});

  const std::string& path() const { return path_; }  ///< of the object
  std::string path_of(std::string_view name) const { return path_of_field(path_, name); }
  const Json& json() const { return *json_; }
  /// Null: missing, or null in JSON.
  const Json* find(std::string_view name) const;
  /// Error: missing or null.
  Asked<const Json*> need(std::string_view name) const;

  Asked<void> text(std::string_view name, std::string& out) const;
  Asked<void> text(std::string_view name, std::optional<std::string>& out) const;
  Asked<void> flag(std::string_view name, bool& out) const;
  /// Both ends are allowed.
  Asked<void> number(std::string_view name, double least, double most, float& out) const;
  Asked<void> whole(std::string_view name, int64_t least, int64_t most, int64_t& out) const;
  Asked<void> whole(std::string_view name, int least, int most, int& out) const;
  Asked<void> whole(std::string_view name, int least, int most, std::optional<int>& out) const;
  /// The place of the text in `names`; none: missing or null.
  Asked<std::optional<size_t>> choice(std::string_view name, std::span<const std::string_view> names) const;
  /// None: missing or null. Error: not an object.
  Asked<std::optional<FieldReader>> object(std::string_view name) const;
  /// Null: missing or null. Error: not a list.
  Asked<const Json*> list(std::string_view name) const;
  /// A text or a list of at most `most` of them, none empty.
  Asked<void> texts(std::string_view name, size_t most, std::vector<std::string>& out) const;

  /// A sentence for each field whose name is not `known`, with the nearest known one.
  void warn_of_others(std::span<const std::string_view> known, std::vector<std::string>& warnings) const;

 private:
  FieldReader(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}
  const Json* json_;
  std::string path_;
};

/// The text of a message: a text, null (""), or a list of parts whose texts are joined. A part has one of the types
/// `kinds`, or none; a part "refusal" counts as text. Errors: 400 for another part, with the path of its type.
Asked<std::string> text_of_content(const Json& content, const std::string& path,
                                   std::span<const std::string_view> kinds);

}  // namespace mxpath::openai
