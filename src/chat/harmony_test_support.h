// Messages from the JSON of the upstream cases, and upstream's text fixtures.
#pragma once
#include <string>
#include <vector>

#include "chat/harmony.h"
#include "chat/test_support.h"

namespace mxpath::harmony {

inline std::string fixture(const std::string& name) {
  std::string text = read_text_file(data_path("harmony/test-data/" + name)).value();
  return text.substr(0, text.find_last_not_of(" \n") + 1);
}

inline std::optional<std::string> text_or_null(const Json& object, const char* key) {
  if (!object.contains(key) || object[key].is_null()) return {};
  return object[key].get<std::string>();
}

inline std::vector<ToolNamespace> tools_from(const Json& content) {
  std::vector<ToolNamespace> out;
  if (!content.contains("tools") || content["tools"].is_null()) return out;
  for (const auto& [key, space] : content["tools"].items()) {
    ToolNamespace tools{key, text_or_null(space, "description"), {}};
    for (const Json& tool : space["tools"])
      tools.tools.push_back({tool["name"], tool["description"],
                             tool["parameters"].is_null() ? std::optional<Json>() : tool["parameters"]});
    out.push_back(std::move(tools));
  }
  return out;
}

inline SystemContent system_from(const Json& json) {
  SystemContent out;
  out.model_identity = text_or_null(json, "model_identity");
  out.effort = parse_effort(json["reasoning_effort"].get<std::string>()).value();
  out.tools = tools_from(json);
  out.conversation_start_date = text_or_null(json, "conversation_start_date");
  out.knowledge_cutoff = text_or_null(json, "knowledge_cutoff");
  out.valid_channels = json["channel_config"]["valid_channels"].get<std::vector<std::string>>();
  out.channel_required = json["channel_config"]["channel_required"];
  return out;
}

inline Message message_from(const Json& json) {
  Message out;
  out.role = parse_role(json["role"].get<std::string>()).value();
  out.author_name = json.value("name", "");
  out.channel = json.value("channel", "");
  out.recipient = json.value("recipient", "");
  out.content_type = json.value("content_type", "");
  const Json& content = json["content"];
  if (content.is_string()) out.content = content;
  else if (content["type"] == "system_content") out.system = system_from(content);
  else out.developer = DeveloperContent{text_or_null(content, "instructions"), tools_from(content), {}};
  return out;
}

inline std::vector<Message> messages_from(const Json& list) {
  std::vector<Message> out;
  for (const Json& json : list) out.push_back(message_from(json));
  return out;
}

/// One line that shows every field.
inline std::string shown(const Message& m) {
  return std::string(name_of(m.role)) + "|" + m.author_name + "|" + m.recipient + "|" + m.channel + "|" +
         m.content_type + "|" + m.content;
}

inline std::vector<std::string> shown(const std::vector<Message>& messages) {
  std::vector<std::string> out;
  for (const Message& message : messages) out.push_back(shown(message));
  return out;
}

}  // namespace mxpath::harmony
