// The walk over a schema; schema_check.cpp has what leads on, schema_leaves.cpp what ends there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "grammar/schema_check.h"
#include "grammar/schema_words.h"

namespace mxpath::grammar {

using Checked = Result<void, SchemaError>;

/// Walks over one schema once.
class Checker {
 public:
  Checker(const Json& root, bool strict, const SchemaLimits& limits) : root_(root), strict_(strict), limits_(limits) {}

  Result<Json, SchemaError> schema(const Json& in, const std::string& at, int depth);
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

  /// keyword: what is wrong at `at`; "": the schema itself.
  static SchemaError wrong(std::string_view at, std::string_view keyword, std::string_view why);

 private:
  /// One object of the schema while it is copied.
  struct Here {
    const Json& in;
    const std::string& at;
    int depth;
    Json out = Json::object();
  };

  Checked left_out(const Here& here, std::string_view keyword, std::string_view why);
  Checked count(size_t& counter, size_t more, size_t limit, const Here& here, std::string_view keyword,
                std::string_view what);

  Checked typed(Here& here);
  Checked chosen(Here& here, std::string_view keyword);
  Checked reference(Here& here);
  Checked values(Here& here, std::string_view keyword);
  Checked schemas_of(Here& here, const std::string& keyword);  // an array of them
  Checked schema_map(Here& here, const std::string& keyword);  // an object of them
  Checked one_schema(Here& here, const std::string& keyword);
  Checked property_names(Here& here);
  Checked object_keyword(Here& here, const std::string& keyword);
  Checked required(Here& here);
  Checked string_keyword(Here& here, const std::string& keyword);
  Checked size_keyword(Here& here, const std::string& keyword);
  Checked number_keyword(Here& here, const std::string& keyword);
  Checked multiple(Here& here);
  Checked check_types(const Here& here) const;
  Checked check_bounds(const Here& here) const;
  bool may_be(const Here& here, KeywordKind kind) const;

  const Json& root_;
  bool strict_;
  SchemaLimits limits_;
  size_t properties_ = 0, enum_values_ = 0, characters_ = 0;
  double milliseconds_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace mxpath::grammar
