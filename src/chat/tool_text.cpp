// JSON schemas to the TypeScript that gpt-oss was trained to read. Odd blanks and repeated comments are
// openai/harmony's.
#include <algorithm>

#include "base/text.h"
#include "chat/harmony_text.h"

namespace mxpath::harmony {
namespace {

const Json* find(const Json& schema, const char* key) {
  if (!schema.is_object()) return nullptr;
  const auto found = schema.find(key);
  return found == schema.end() ? nullptr : &*found;
}

const std::string* find_text(const Json& schema, const char* key) {
  const Json* value = find(schema, key);
  return value && value->is_string() ? &value->get_ref<const std::string&>() : nullptr;
}

const Json* find_list(const Json& schema, const char* key) {
  const Json* value = find(schema, key);
  return value && value->is_array() ? value : nullptr;
}

bool is_enum(const Json& schema) {
  const Json* values = find_list(schema, "enum");
  return values && !values->empty();
}

std::string compact(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Strings are quoted without escapes; those of an enum are bare.
std::string default_text(const Json& schema, const Json& value) {
  if (!value.is_string()) return "default: " + compact(value);
  const auto& text = value.get_ref<const std::string&>();
  return is_enum(schema) ? "default: " + text : "default: \"" + text + "\"";
}

std::string type_or_null(const Json& schema, const std::string& indent) {
  std::string type = typescript_type(schema, indent);
  const Json* nullable = find(schema, "nullable");
  if (nullable && nullable->is_boolean() && nullable->get<bool>() && type.find("null") == std::string::npos)
    type += " | null";
  return type;
}

std::string trailing_comment(const std::string* description, const std::string& default_value) {
  std::string text = description ? *description : "";
  if (!text.empty() && !default_value.empty()) text += ' ';
  text += default_value;
  return text.empty() ? "" : " // " + text;
}

// A union outside of an object property: array items, or the parameters themselves.
std::string union_type(const Json& variants, const std::string& indent) {
  std::string out;
  for (const Json& variant : variants) {
    const Json* value = find(variant, "default");
    // Here, unlike in a property, an enum's default keeps its quotes.
    const std::string text = !value                                    ? ""
                             : value->is_string() && !is_enum(variant) ? default_text(variant, *value)
                                                                       : "default: " + compact(*value);
    out += "\n" + indent + " | " + type_or_null(variant, indent + "   ") +
           trailing_comment(find_text(variant, "description"), text);
  }
  return out;
}

std::string type_list(const Json& types) {
  std::string out;
  for (const Json& type : types) {
    if (!type.is_string()) continue;
    if (!out.empty()) out += " | ";
    const auto& name = type.get_ref<const std::string&>();
    out += name == "integer" ? "number" : name;
  }
  return out;
}

std::string string_type(const Json& schema) {
  std::string out;
  if (const Json* values = find_list(schema, "enum")) {
    for (const Json& value : *values)
      if (value.is_string()) out += (out.empty() ? "\"" : " | \"") + value.get<std::string>() + "\"";
  }
  return out.empty() ? "string" : out;
}

std::string leading_comments(const Json& schema, const std::string& indent) {
  std::string out;
  if (const std::string* title = find_text(schema, "title")) out += indent + "// " + *title + "\n" + indent + "//\n";
  const std::string* description = find_text(schema, "description");
  if (description && !find(schema, "oneOf")) out += indent + "// " + *description + "\n";
  const Json* examples = find_list(schema, "examples");
  if (!examples || examples->empty()) return out;
  out += indent + "// Examples:\n";
  for (const Json& example : *examples)
    if (example.is_string()) out += indent + "// - \"" + example.get<std::string>() + "\"\n";
  return out;
}

// A property of several types: one line for each, with the comments of the property above and those of a variant behind
// it.
std::string union_property(const Json& schema, const Json& variants, const std::string& name,
                           const std::string& indent) {
  const std::string* description = find_text(schema, "description");
  const std::string* first = variants.empty() ? nullptr : find_text(variants[0], "description");
  const bool described_above = description && !(first && *first == *description);
  std::string out;
  if (described_above) out += indent + "// " + *description + "\n";
  if (const Json* value = find(schema, "default")) out += indent + "// " + default_text(schema, *value) + "\n";
  out += indent + name + ":\n";
  for (const Json& variant : variants) {
    const std::string* comment = find_text(variant, "description");
    if (comment && ((described_above && &variant == &variants[0]) || (description && *comment == *description)))
      comment = nullptr;
    const Json* value = find(variant, "default");
    out += indent + " | " + type_or_null(variant, indent + "   ") +
           trailing_comment(comment, value ? default_text(variant, *value) : "") + "\n";
  }
  return out + indent + ",\n";
}

std::string property(const std::string& key, const Json& schema, bool required, const std::string& indent) {
  const std::string name = required ? key : key + "?";
  std::string out = leading_comments(schema, indent);
  if (const Json* variants = find_list(schema, "oneOf")) return out + union_property(schema, *variants, name, indent);
  out += indent + name + ": " + type_or_null(schema, indent + "    ") + ",";
  const Json* value = find(schema, "default");
  if (value && !find(schema, "oneOf")) out += " // " + default_text(schema, *value);
  return out + "\n";
}

bool is_required(const Json& schema, const std::string& key) {
  const Json* list = find_list(schema, "required");
  return list && std::any_of(list->begin(), list->end(), [&](const Json& name) {
           return name.is_string() && name.get_ref<const std::string&>() == key;
         });
}

std::string object_type(const Json& schema, const std::string& indent) {
  std::string out;
  if (const std::string* description = find_text(schema, "description")) out += indent + "// " + *description + "\n";
  out += "{\n";
  if (const Json* properties = find(schema, "properties"); properties && properties->is_object())
    for (const auto& [key, value] : properties->items()) out += property(key, value, is_required(schema, key), indent);
  return out + indent + "}";
}

std::string tool_text(const ToolDescription& tool) {
  std::string out;
  for (const std::string& line : lines_of(tool.description)) out += "// " + line + "\n";
  const bool has_parameters = tool.parameters && !tool.parameters->is_null();
  const std::string parameters = has_parameters ? "_: " + typescript_type(*tool.parameters, "") : "";
  return out + "type " + tool.name + " = (" + parameters + ") => any;\n";
}

std::string namespace_text(const ToolNamespace& tools) {
  std::vector<std::string> parts{"## " + tools.name + "\n"};
  const std::string prefix = tools.tools.empty() ? "" : "// ";
  for (const std::string& line : lines_of(tools.description.value_or(""))) parts.push_back(prefix + line);
  if (!tools.tools.empty()) {
    parts.push_back("namespace " + tools.name + " {\n");
    for (const ToolDescription& tool : tools.tools) parts.push_back(tool_text(tool));
    parts.push_back("} // namespace " + tools.name);
  }
  return fmt::format("{}", fmt::join(parts, "\n"));
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (newline != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    out.emplace_back(line);
  }
  return out;
}

std::string typescript_type(const Json& schema, const std::string& indent) {
  if (const Json* variants = find_list(schema, "oneOf")) return union_type(*variants, indent);
  if (const Json* types = find_list(schema, "type")) {
    if (std::string list = type_list(*types); !list.empty()) return list;
  }
  const std::string* type = find_text(schema, "type");
  if (!type) return "any";
  if (*type == "object") return object_type(schema, indent);
  if (*type == "string") return string_type(schema);
  if (*type == "number" || *type == "integer") return "number";
  if (*type == "boolean") return "boolean";
  if (*type != "array") return "any";
  const Json* items = find(schema, "items");
  return items ? typescript_type(*items, indent) + "[]" : "Array<any>";
}

std::string tools_section(std::vector<ToolNamespace> tools) {
  std::stable_sort(tools.begin(), tools.end(),
                   [](const ToolNamespace& a, const ToolNamespace& b) { return a.name < b.name; });
  std::string out = "# Tools";
  for (const ToolNamespace& space : tools) out += "\n\n" + namespace_text(space);
  return out;
}

}  // namespace mxpath::harmony
