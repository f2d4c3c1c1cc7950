#include "server/openai/responses_items.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "server/openai/field_reader.h"
#include "server/openai/reply_parts.h"
#include "server/openai/responses_names.h"
#include "server/openai/responses_tools.h"

namespace mxpath::openai {
namespace {

using harmony::Message;
using harmony::Role;

constexpr auto text_parts = std::to_array<std::string_view>({"input_text", "output_text", "text"});
constexpr auto reasoning_parts = std::to_array<std::string_view>({"reasoning_text", "text"});
/// Items of tools that other servers run themselves. They come with histories from there.
constexpr auto hosted_items = std::to_array<std::string_view>(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call",
     "computer_call_output", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
     "tool_search_call", "tool_search_output", "local_shell_call", "local_shell_call_output"});

constexpr size_t digits_of_id = 24;

Message message_of(Role role, std::string_view channel, std::string content = {}) {
  Message message;
  message.role = role;
  message.channel = channel;
  message.content = std::move(content);
  return message;
}

bool is_call(std::string_view type) { return type == "function_call" || type == "custom_tool_call"; }
bool is_output(std::string_view type) { return type == "function_call_output" || type == "custom_tool_call_output"; }

class ItemReader {
 public:
  ItemReader(const Json& earlier, const Json& items, const RestoreReasoning& restore)
      : earlier_(earlier.size()), restore_(restore) {
    for (const Json& item : earlier) items_.push_back(&item);
    for (const Json& item : items) items_.push_back(&item);
  }
  Asked<ReadItems> read();

 private:
  std::string path_of(size_t index) const;
  void look_ahead();
  bool is_preamble(size_t index) const;
  Asked<void> read_item(size_t index);
  Asked<void> read_message(const FieldReader& item, size_t index);
  Asked<void> read_reasoning(const FieldReader& item, size_t index);
  Asked<void> read_call(const FieldReader& item, size_t index);
  Asked<void> read_output(const FieldReader& item);
  Asked<void> read_tools(const FieldReader& item);
  Asked<void> read_reference(const FieldReader& item) const;
  void add(Message message);
  void add_analysis(std::string text, size_t at);
  void restore_reasoning(const std::string& call_id);

  std::vector<const Json*> items_;
  const size_t earlier_;  // how many of them were asked before
  const RestoreReasoning& restore_;
  size_t last_user_ = 0;                           // index behind the last message of the user
  std::set<std::string, std::less<>> answered_;    // ids of calls
  std::map<std::string, std::string> recipients_;  // by the id of the call
  std::set<std::string, std::less<>> ids_;         // of items that were read
  size_t turn_ = 0;                                // where the messages of the assistant begin that stand last
  bool thought_ = false;                           // there is analysis among them
  ReadItems out_;
};

std::string ItemReader::path_of(size_t index) const {
  return index < earlier_ ? "previous_response_id" : path_of_item("input", index - earlier_);
}

void ItemReader::look_ahead() {
  for (size_t i = 0; i < items_.size(); ++i) {
    const Json& item = *items_[i];
    const std::string_view type = type_of_item(item);
    if (type == "message" && text_at(item, "role") == "user") last_user_ = i + 1;
    if (is_output(type)) answered_.insert(text_at(item, "call_id"));
  }
}

/// Whether a call follows in the same turn.
bool ItemReader::is_preamble(size_t index) const {
  for (size_t i = index + 1; i < items_.size(); ++i) {
    const std::string_view type = type_of_item(*items_[i]);
    if (type != "reasoning") return is_call(type);
  }
  return false;
}

void ItemReader::add(Message message) {
  const bool goes_on = message.role == Role::assistant && message.channel != "final";
  out_.messages.push_back(std::move(message));
  if (goes_on) return;
  turn_ = out_.messages.size();
  thought_ = false;
}

void ItemReader::add_analysis(std::string text, size_t at) {
  out_.messages.insert(out_.messages.begin() + static_cast<ptrdiff_t>(at),
                       message_of(Role::assistant, "analysis", std::move(text)));
  thought_ = true;
}

void ItemReader::restore_reasoning(const std::string& call_id) {
  if (thought_ || !restore_ || call_id.empty()) return;
  if (auto text = restore_(call_id); text && !text->empty()) add_analysis(std::move(*text), turn_);
}

Asked<void> ItemReader::read_message(const FieldReader& item, size_t index) {
  static constexpr auto roles = std::to_array<std::string_view>({"user", "assistant", "system", "developer"});
  static constexpr auto phases = std::to_array<std::string_view>({"commentary", "final_answer"});
  MXPATH_CHECK(item.need("role"));
  MXPATH_TRY(const auto role, item.choice("role", roles));
  MXPATH_TRY(const auto phase, item.choice("phase", phases));
  MXPATH_TRY(const Json* content, item.need("content"));
  Message message;
  MXPATH_TRY(message.content, text_of_content(*content, item.path_of("content"), text_parts));
  message.role = *harmony::parse_role(roles[*role]);
  if (message.role == Role::system) message.role = Role::developer;
  if (message.role == Role::developer) message.developer.emplace().instructions = message.content;
  if (message.role == Role::assistant) {
    if (message.content.empty()) return {};  // of an answer that was cut: nobody has read it
    message.channel = (phase ? *phase == 0 : is_preamble(index)) ? "commentary" : "final";
  }
  add(std::move(message));
  return {};
}

Asked<void> ItemReader::read_reasoning(const FieldReader& item, size_t index) {
  MXPATH_TRY(const Json* parts, item.list("content"));
  std::string text, encrypted;
  if (parts) MXPATH_CHECK(text_of_content(*parts, item.path_of("content"), reasoning_parts));
  for (size_t i = 0; parts && i < parts->size(); ++i) text += (i == 0 ? "" : "\n") + text_at((*parts)[i], "text");
  MXPATH_CHECK(item.text("encrypted_content", encrypted));
  if (text.empty() && !encrypted.empty())
    out_.warnings.push_back(fmt::format("{} is encrypted and was left out", item.path()));
  if (!text.empty() && index >= last_user_) add_analysis(std::move(text), out_.messages.size());
  return {};
}

Asked<void> ItemReader::read_call(const FieldReader& item, size_t index) {
  const bool custom = type_of_item(item.json()) == "custom_tool_call";
  const char* field = custom ? "input" : "arguments";
  std::string call_id, name, space, status;
  Message message = message_of(Role::assistant, "commentary");
  MXPATH_CHECK(item.need("name"));
  MXPATH_CHECK(item.need(field));
  MXPATH_CHECK(item.text("name", name));
  MXPATH_CHECK(item.text("namespace", space));
  MXPATH_CHECK(item.text("call_id", call_id));
  MXPATH_CHECK(item.text("status", status));
  MXPATH_CHECK(item.text(field, message.content));
  const std::string flat = flat_name(space, name);
  if (name.empty() || !is_called_name(flat))
    return bad_field(item.path_of("name"), "{} is \"{}\", which is no name of a function", item.path_of("name"),
                     printable(flat));
  // A call that was cut is no call; whoever ran it all the same may say so.
  if (status == "incomplete" && !answered_.contains(call_id)) return {};
  message.recipient = "functions." + flat;
  if (!custom) message.content_type = "<|constrain|>json";
  if (!call_id.empty()) recipients_[call_id] = message.recipient;
  if (index >= last_user_) restore_reasoning(call_id);
  add(std::move(message));
  return {};
}

Asked<void> ItemReader::read_output(const FieldReader& item) {
  std::string call_id;
  MXPATH_CHECK(item.need("call_id"));
  MXPATH_CHECK(item.text("call_id", call_id));
  MXPATH_TRY(const Json* output, item.need("output"));
  const auto recipient = recipients_.find(call_id);
  if (recipient == recipients_.end())
    return bad_field(item.path_of("call_id"), "{}: no call with the id \"{}\" stands before its output", item.path(),
                     printable(call_id));
  Message message = message_of(Role::tool, "commentary");
  MXPATH_TRY(message.content, text_of_content(*output, item.path_of("output"), text_parts));
  message.author_name = recipient->second;
  message.recipient = "assistant";
  add(std::move(message));
  return {};
}

Asked<void> ItemReader::read_tools(const FieldReader& item) {
  MXPATH_TRY(const Json* tools, item.need("tools"));
  MXPATH_TRY(const auto functions, read_tools_of_responses(*tools, item.path_of("tools"), out_.warnings));
  out_.functions.insert(out_.functions.end(), functions.begin(), functions.end());
  return {};
}

// What is referred to stands in the conversation already.
Asked<void> ItemReader::read_reference(const FieldReader& item) const {
  std::string id;
  MXPATH_CHECK(item.need("id"));
  MXPATH_CHECK(item.text("id", id));
  if (!id.empty() && ids_.contains(id)) return {};
  return bad_field(item.path_of("id"), "{}: the response that is gone on with has no item with the id \"{}\"",
                   item.path(), printable(id));
}

Asked<void> ItemReader::read_item(size_t index) {
  MXPATH_TRY(const FieldReader item, FieldReader::open(*items_[index], path_of(index)));
  std::string type;
  MXPATH_CHECK(item.text("type", type));
  type = type_of_item(item.json());
  if (type == "item_reference") return read_reference(item);
  ids_.insert(text_at(item.json(), "id"));
  if (type == "message") return read_message(item, index);
  if (type == "reasoning") return read_reasoning(item, index);
  if (is_call(type)) return read_call(item, index);
  if (is_output(type)) return read_output(item);
  if (type == "additional_tools") return read_tools(item);
  if (std::ranges::find(hosted_items, type) == hosted_items.end())
    return bad_field(item.path_of("type"), "{}: items of type \"{}\" are not supported", item.path(), printable(type));
  if (index >= earlier_) out_.warnings.push_back(fmt::format("{}: an item of type {} was left out", item.path(), type));
  return {};
}

Asked<ReadItems> ItemReader::read() {
  look_ahead();
  for (size_t i = 0; i < items_.size(); ++i) MXPATH_CHECK(read_item(i));
  return std::move(out_);
}

std::string_view prefix_of_id(std::string_view type) {
  if (type == "message") return "msg_";
  if (type == "reasoning") return "rs_";
  if (type == "function_call") return "fc_";
  if (type == "function_call_output") return "fco_";
  if (type == "custom_tool_call") return "ctc_";
  return type == "custom_tool_call_output" ? "ctco_" : "item_";
}

/// A text becomes a list of one part.
void list_content(Json& message) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_string()) return;
  Json part = {{"type", "input_text"}, {"text", *content}};
  if (text_at(message, "role") == "assistant") {
    part["type"] = "output_text";
    part["annotations"] = Json::array();
  }
  *content = Json::array({std::move(part)});
}

}  // namespace

std::string_view type_of_item(const Json& item) {
  if (!item.is_object()) return {};
  const auto type = item.find("type");
  if (type != item.end() && type->is_string()) return type->get_ref<const std::string&>();
  return item.contains("role") || !item.contains("id") ? "message" : "item_reference";
}

Json listed_items(Json items, std::string_view seed) {
  for (size_t i = 0; i < items.size(); ++i) {
    Json& item = items[i];
    if (!item.is_object()) continue;
    const std::string type(type_of_item(item));
    item["type"] = type;
    if (type == "message") list_content(item);
    if (!text_at(item, "id").empty()) continue;
    const std::string text = fmt::format("{} {} {}", seed, i, one_line(item));
    const auto bytes = std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    item["id"] = std::string(prefix_of_id(type)) + sha256(bytes).substr(0, digits_of_id);
  }
  return items;
}

Asked<ReadItems> read_items(const Json& earlier, const Json& items, const RestoreReasoning& restore) {
  return ItemReader(earlier, items, restore).read();
}

Asked<std::vector<harmony::Message>> harmony_of_items(const Json& items, const RestoreReasoning& restore) {
  MXPATH_TRY(ReadItems read, read_items(Json::array(), items, restore));
  return std::move(read.messages);
}

}  // namespace mxpath::openai
