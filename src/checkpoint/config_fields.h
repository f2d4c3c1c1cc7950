// Typed, range-checked reading of the fields of one JSON object.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace mxpath {

/// One JSON object and the text that starts every error about it. A field that is null counts as absent.
class Fields {
 public:
  Fields(const Json& object, std::string where, std::string prefix = {})
      : object_(object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  /// The value under `name`; null pointer when absent.
  const Json* find(std::string_view name) const;
  /// The value under any of `names`. Error: two of them are there and differ.
  Result<const Json*> find_any(std::initializer_list<std::string_view> names) const;

  /// Errors of all: another type (4096.0 is not an integer), or outside [low, high]; absent is no error.
  Result<std::optional<int64_t>> integer(std::initializer_list<std::string_view> names, int64_t low,
                                         int64_t high) const;
  Result<std::optional<double>> number(std::string_view name, double low, double high) const;
  Result<std::optional<bool>> boolean(std::string_view name) const;
  Result<std::optional<std::string>> text(std::string_view name) const;
  Result<std::optional<Fields>> object(std::string_view name) const;

  /// Error that names the field, its value, and what was wanted.
  Error wrong(std::string_view name, const Json& value, std::string_view wanted) const;
  Error missing(std::string_view name) const;
  const Json& json() const { return object_; }
  const std::string& where() const { return where_; }

 private:
  const Json& object_;
  std::string where_, prefix_;
};

}  // namespace mxpath
