// What a developer message says, from what the API knows.
#include "server/openai/chat_request.h"

namespace mxpath::openai {
namespace {

harmony::ToolDescription description_of(const Function& function) {
  // A custom tool takes one text: `type NAME = (_: string) => any`.
  const std::optional<Json> parameters = function.custom ? Json{{"type", "string"}} : function.parameters;
  return {function.name, function.description, parameters};
}

harmony::DeveloperContent::ResponseFormat section_of(const ResponseFormat& format) {
  if (format.kind == ResponseFormat::Kind::json_schema) return {format.name, format.description, format.schema};
  return {"json_object", "A JSON object", {{"type", "object"}}};
}

}  // namespace

std::optional<harmony::Message> developer_message(std::string_view instructions, std::span<const Function> functions,
                                                  const ResponseFormat& format) {
  const bool formatted = format.kind != ResponseFormat::Kind::text;
  if (instructions.empty() && functions.empty() && !formatted) return {};
  harmony::Message message;
  message.role = harmony::Role::developer;
  harmony::DeveloperContent& content = message.developer.emplace();
  if (!instructions.empty()) content.instructions = instructions;
  if (!functions.empty()) {
    harmony::ToolNamespace& space = content.tools.emplace_back();
    space.name = "functions";
    for (const Function& function : functions) space.tools.push_back(description_of(function));
  }
  if (formatted) content.response_formats.push_back(section_of(format));
  return message;
}

}  // namespace mxpath::openai
