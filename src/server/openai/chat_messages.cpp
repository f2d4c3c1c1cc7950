// Messages of Chat Completions to messages of harmony.
#include <algorithm>
#include <array>
#include <map>

#include "base/nearest.h"
#include "base/text.h"
#include "server/openai/answer_fields.h"
#include "server/openai/chat_request.h"
#include "server/openai/tool_fields.h"

namespace mxpath::openai {
namespace {

using harmony::Message;
using harmony::Role;

constexpr auto text_parts = std::to_array<std::string_view>({"text"});
constexpr auto roles = std::to_array<std::string_view>({"system", "developer", "user", "assistant", "tool"});
constexpr size_t longest_tool_name = 128;

Message message_of(Role role, std::string content, std::string channel = {}, std::string recipient = {}) {
  Message message;
  message.role = role;
  message.content = std::move(content);
  message.channel = std::move(channel);
  message.recipient = std::move(recipient);
  return message;
}

/// A name in history, which may be older than the tools of this request: "math.sum" too.
Asked<std::string> called_name(const FieldReader& call) {
  std::string name;
  MXPATH_CHECK(call.need("name"));
  MXPATH_CHECK(call.text("name", name));
  const auto fits = [](char c) { return c == '.' || is_function_name({&c, 1}); };
  if (!name.empty() && name.size() <= longest_tool_name && std::ranges::all_of(name, fits)) return name;
  return bad_field(call.path_of("name"), "{} is \"{}\", which is no name of a function", call.path_of("name"),
                   printable(name));
}

class Translation {
 public:
  explicit Translation(const RestoreReasoning& restore) : restore_(restore) {}

  /// `running`: after the last message of the user.
  Asked<void> add(const Json& json, const std::string& path, bool running);
  std::vector<Message> take() { return std::move(messages_); }

 private:
  Asked<void> add_instructions(const FieldReader& fields);
  Asked<void> add_user(const FieldReader& fields);
  Asked<void> add_assistant(const FieldReader& fields, bool running);
  Asked<void> add_call(const Json& json, const std::string& path);
  Asked<void> add_result(const FieldReader& fields);
  std::string restored(const Json& calls) const;

  const RestoreReasoning& restore_;
  std::vector<Message> messages_;
  std::map<std::string, std::string, std::less<>> names_;  // of functions, by the ids of their calls
};

Asked<std::string> content_in(const FieldReader& fields) {
  const Json* content = fields.find("content");
  if (!content) return std::string();
  return text_of_content(*content, fields.path_of("content"), text_parts);
}

/// The first of the names that clients have for it.
Asked<std::string> reasoning_in(const FieldReader& fields) {
  for (const std::string_view name : {"reasoning", "reasoning_content", "thinking"}) {
    std::string text;
    MXPATH_CHECK(fields.text(name, text));
    if (!text.empty()) return text;
  }
  return std::string();
}

Asked<void> Translation::add(const Json& json, const std::string& path, bool running) {
  MXPATH_TRY(const FieldReader fields, FieldReader::open(json, path));
  MXPATH_CHECK(fields.need("role"));
  MXPATH_TRY(const auto role, fields.choice("role", roles));
  switch (*role) {
    case 0:
    case 1: return add_instructions(fields);
    case 2: return add_user(fields);
    case 3: return add_assistant(fields, running);
    default: return add_result(fields);
  }
}

// Those at the beginning become one message.
Asked<void> Translation::add_instructions(const FieldReader& fields) {
  MXPATH_TRY(const std::string text, content_in(fields));
  if (text.empty()) return {};
  if (messages_.size() == 1 && messages_[0].developer) {
    messages_[0].developer->instructions->append("\n\n" + text);
    return {};
  }
  Message message = message_of(Role::developer, "");
  message.developer.emplace().instructions = text;
  messages_.push_back(std::move(message));
  return {};
}

Asked<void> Translation::add_user(const FieldReader& fields) {
  MXPATH_CHECK(fields.need("content"));
  MXPATH_TRY(std::string text, content_in(fields));
  Message message = message_of(Role::user, std::move(text));
  MXPATH_CHECK(fields.text("name", message.author_name));
  if (!message.author_name.empty() && !is_function_name(message.author_name))
    return bad_field(fields.path_of("name"), "{} may have up to 64 letters, digits, \"_\" and \"-\"",
                     fields.path_of("name"));
  messages_.push_back(std::move(message));
  return {};
}

Asked<void> Translation::add_assistant(const FieldReader& fields, bool running) {
  constexpr auto unsupported = std::to_array<std::string_view>({"function_call", "audio"});
  MXPATH_CHECK(refuse_fields(fields, unsupported));
  MXPATH_TRY(std::string reasoning, reasoning_in(fields));
  MXPATH_TRY(std::string content, content_in(fields));
  if (content.empty()) MXPATH_CHECK(fields.text("refusal", content));
  MXPATH_TRY(const Json* calls, fields.list("tool_calls"));
  const bool has_calls = calls && !calls->empty();
  if (has_calls && running && reasoning.empty()) reasoning = restored(*calls);
  if (!reasoning.empty()) messages_.push_back(message_of(Role::assistant, std::move(reasoning), "analysis"));
  if (!content.empty())
    messages_.push_back(message_of(Role::assistant, std::move(content), has_calls ? "commentary" : "final"));
  for (size_t i = 0; has_calls && i < calls->size(); ++i)
    MXPATH_CHECK(add_call((*calls)[i], path_of_item(fields.path_of("tool_calls"), i)));
  return {};
}

std::string Translation::restored(const Json& calls) const {
  for (const Json& call : calls) {
    if (!restore_ || !call.is_object() || !call.contains("id") || !call["id"].is_string()) continue;
    if (auto reasoning = restore_(call["id"].get_ref<const std::string&>())) return std::move(*reasoning);
  }
  return {};
}

Asked<void> Translation::add_call(const Json& json, const std::string& path) {
  constexpr auto types = std::to_array<std::string_view>({"function", "custom"});
  MXPATH_TRY(const FieldReader fields, FieldReader::open(json, path));
  MXPATH_TRY(const auto type, fields.choice("type", types));
  const bool custom = type == 1u;
  MXPATH_CHECK(fields.need(types[custom]));
  MXPATH_TRY(const auto call, fields.object(types[custom]));
  MXPATH_TRY(const std::string name, called_name(*call));
  Message message = message_of(Role::assistant, "", "commentary", "functions." + name);
  MXPATH_CHECK(call->text(custom ? "input" : "arguments", message.content));
  if (!custom) message.content_type = "<|constrain|>json";
  messages_.push_back(std::move(message));
  std::string id;
  MXPATH_CHECK(fields.text("id", id));
  if (!id.empty()) names_[id] = name;
  return {};
}

Asked<void> Translation::add_result(const FieldReader& fields) {
  std::string id;
  MXPATH_CHECK(fields.need("tool_call_id"));
  MXPATH_CHECK(fields.text("tool_call_id", id));
  const auto name = names_.find(id);
  if (name == names_.end())
    return bad_field(fields.path_of("tool_call_id"), "{} is \"{}\", but no call before it has that id",
                     fields.path_of("tool_call_id"), printable(id));
  MXPATH_TRY(std::string text, content_in(fields));
  Message message = message_of(Role::tool, std::move(text), "commentary", "assistant");
  message.author_name = "functions." + name->second;
  messages_.push_back(std::move(message));
  return {};
}

bool is_of_user(const Json& message) {
  return message.is_object() && message.contains("role") && message["role"] == "user";
}

}  // namespace

Asked<std::vector<Message>> harmony_of_chat(const Json& messages, const QuestionDefaults&,
                                            const RestoreReasoning& restore) {
  if (!messages.is_array()) return wrong_type("messages", "a list", messages);
  const auto last_user = std::find_if(messages.rbegin(), messages.rend(), is_of_user);
  const auto running_from = static_cast<size_t>(messages.rend() - last_user);
  Translation translation(restore);
  for (size_t i = 0; i < messages.size(); ++i)
    MXPATH_CHECK(translation.add(messages[i], path_of_item("messages", i), i >= running_from));
  return translation.take();
}

}  // namespace mxpath::openai
