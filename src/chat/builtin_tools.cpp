// The built-in tools that gpt-oss was trained with; texts of openai/harmony (Apache-2.0).
#include "chat/harmony.h"

namespace mxpath::harmony {
namespace {

constexpr const char* browser_description = R"(Tool for browsing.
The `cursor` appears in brackets before each browsing display: `[{cursor}]`.
Cite information from the tool using the following format:
`【{cursor}†L{line_start}(-L{line_end})?】`, for example: `【6†L9-L11】` or `【8†L3】`.
Do not quote more than 10 words directly from the tool output.
sources=web (default: web))";

constexpr const char* search_description =
    R"(Searches for information related to `query` and displays `topn` results.)";

constexpr const char* open_description =
    R"(Opens the link `id` from the page indicated by `cursor` starting at line number `loc`, showing `num_lines` lines.
Valid link ids are displayed with the formatting: `【{id}†.*】`.
If `cursor` is not provided, the most recent page is implied.
If `id` is a string, it is treated as a fully qualified URL associated with `source`.
If `loc` is not provided, the viewport will be positioned at the beginning of the document or centered on the most relevant passage, if available.
Use this function without `id` to scroll to a new location of an opened page.)";

constexpr const char* find_description =
    R"(Finds exact matches of `pattern` in the current page, or the page given by `cursor`.)";

constexpr const char* python_description =
    R"(Use this tool to execute Python code in your chain of thought. The code will not be shown to the user. This tool should be used for internal reasoning, but not for code that is intended to be visible to the user (e.g. when creating plots, tables, or files).

When you send a message containing Python code to python, it will be executed in a stateful Jupyter notebook environment. python will respond with the output of the execution or time out after 120.0 seconds. The drive at '/mnt/data' can be used to save and persist user files. Internet access for this session is UNKNOWN. Depends on the cluster.)";

Json typed(const char* type) { return {{"type", type}}; }
Json typed(Json type, Json default_value) { return {{"type", std::move(type)}, {"default", std::move(default_value)}}; }

ToolDescription tool(const char* name, const char* description, Json properties, Json required) {
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return {name, description, std::move(schema)};
}

}  // namespace

ToolNamespace browser_tools() {
  const Json search = {{"query", typed("string")}, {"topn", typed("number", 10)}, {"source", typed("string")}};
  const Json open = {{"id", typed(Json::array({"number", "string"}), -1)},
                     {"cursor", typed("number", -1)},
                     {"loc", typed("number", -1)},
                     {"num_lines", typed("number", -1)},
                     {"view_source", typed("boolean", false)},
                     {"source", typed("string")}};
  const Json find = {{"pattern", typed("string")}, {"cursor", typed("number", -1)}};
  return {"browser",
          browser_description,
          {tool("search", search_description, search, Json::array({"query"})),
           tool("open", open_description, open, Json::array()),
           tool("find", find_description, find, Json::array({"pattern"}))}};
}

ToolNamespace python_tool() { return {"python", python_description, {}}; }

}  // namespace mxpath::harmony
