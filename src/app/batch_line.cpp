#include "app/batch_line.h"

#include <array>
#include <limits>

#include "app/stop_text.h"
#include "app/token_file.h"
#include "base/nearest.h"
#include "base/random.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr auto fields =
    std::to_array<std::string_view>({"id", "prompt", "messages", "tokens", "max_new_tokens", "temperature", "top_p",
                                     "top_k", "min_p", "seed", "reasoning_effort", "stop"});
constexpr auto message_fields =
    std::to_array<std::string_view>({"role", "content", "name", "channel", "recipient", "content_type"});

Status check_fields(const Json& object, std::span<const std::string_view> known, std::string_view where) {
  for (const auto& [name, value] : object.items())
    if (std::ranges::find(known, name) == known.end())
      return fail("{}: unknown field \"{}\"{}", where, printable(name), nearest_note(name, known));
  return {};
}

Status read_text(const Json& object, const char* name, std::string_view where, std::string& out) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) return fail("{}: \"{}\" must be a text", where, name);
  out = found->get<std::string>();
  return {};
}

template <class Number>
Status read_number(const Json& object, const char* name, std::string_view where, Number& out) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if constexpr (std::is_floating_point_v<Number>) {
    if (!found->is_number()) return fail("{}: \"{}\" must be a number", where, name);
    out = found->get<Number>();
  } else {
    const uint64_t most = std::numeric_limits<Number>::max();
    if (!found->is_number_unsigned() || found->get<uint64_t>() > most)
      return fail("{}: \"{}\" must be a whole number between 0 and {}", where, name, most);
    out = static_cast<Number>(found->get<uint64_t>());
  }
  return {};
}

/// "content": a text, null, or parts of type text.
Result<std::string> content_of(const Json& message, std::string_view where) {
  const auto found = message.find("content");
  if (found == message.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  std::string out;
  bool right = found->is_array();
  for (size_t i = 0; right && i < found->size(); ++i) {
    const Json& part = (*found)[i];
    right =
        part.is_object() && part.value("type", Json()) == "text" && part.contains("text") && part["text"].is_string();
    if (right) out += part["text"].get<std::string>();
  }
  if (!right) return fail("{}: \"content\" must be a text, or a list of parts of type text", where);
  return out;
}

Result<harmony::Message> message_of(const Json& json, const std::string& where) {
  if (!json.is_object()) return fail("{}: a message must be an object", where);
  MXPATH_CHECK(check_fields(json, message_fields, where));
  std::string role;
  MXPATH_CHECK(read_text(json, "role", where, role));
  const auto known = harmony::parse_role(role);
  if (!known)
    return fail("{}: the role is \"{}\"; it must be system, developer, user, assistant or tool", where,
                printable(role));
  harmony::Message message;
  message.role = *known;
  MXPATH_TRY(message.content, content_of(json, where));
  MXPATH_CHECK(read_text(json, "name", where, message.author_name));
  MXPATH_CHECK(read_text(json, "channel", where, message.channel));
  MXPATH_CHECK(read_text(json, "recipient", where, message.recipient));
  MXPATH_CHECK(read_text(json, "content_type", where, message.content_type));
  using harmony::Role;
  if (message.role == Role::system) message.role = Role::developer;
  if (message.role == Role::developer) message.developer.emplace().instructions = message.content;
  if (message.role == Role::assistant && message.channel.empty()) message.channel = "final";
  if (message.role == Role::tool && message.author_name.empty())
    return fail("{}: a message of a tool needs its \"name\"", where);
  if (message.role == Role::tool && message.channel.empty()) message.channel = "commentary";
  if (message.role == Role::tool && message.recipient.empty()) message.recipient = "assistant";
  return message;
}

Status add_messages(const Json& list, std::string_view where, Conversation& conversation) {
  if (!list.is_array() || list.empty()) return fail("{}: \"messages\" must be a list that is not empty", where);
  for (size_t i = 0; i < list.size(); ++i) {
    MXPATH_TRY(auto message, message_of(list[i], fmt::format("{}: message {}", where, i)));
    conversation.add(std::move(message));
  }
  return {};
}

Result<std::vector<Token>> prompt_of(const Json& json, std::string_view where, const ModelFiles& files,
                                     ConversationOptions options) {
  if (json.contains("tokens")) return parse_token_file(json["tokens"].dump(), where, files.manifest.config.vocab);
  MXPATH_CHECK(check_vocabulary(files, false));
  std::string effort, text;
  MXPATH_CHECK(read_text(json, "reasoning_effort", where, effort));
  if (!effort.empty()) {
    MXPATH_TRY(options.effort, harmony::parse_effort(effort));
  }
  Conversation conversation(std::move(options));
  if (json.contains("messages")) {
    MXPATH_CHECK(add_messages(json["messages"], where, conversation));
  } else {
    MXPATH_CHECK(read_text(json, "prompt", where, text));
    if (text.empty()) return fail("{}: \"prompt\" is empty", where);
    conversation.add(user_message(text));
  }
  return harmony::render(*files.tokenizer, conversation.messages(), harmony::Role::assistant,
                         harmony::DropAnalysis::finished);
}

Status read_sampling(const Json& json, std::string_view where, SamplingOptions& sampling) {
  MXPATH_CHECK(read_number(json, "temperature", where, sampling.temperature));
  MXPATH_CHECK(read_number(json, "top_p", where, sampling.top_p));
  MXPATH_CHECK(read_number(json, "min_p", where, sampling.min_p));
  MXPATH_CHECK(read_number(json, "top_k", where, sampling.top_k));
  MXPATH_CHECK(read_number(json, "seed", where, sampling.seed));
  const auto right = check_sampling(sampling);
  return right.ok() ? Status() : fail("{}: {}", where, right.error().message);
}

Status read_stops(const Json& json, std::string_view where, std::vector<std::string>& stops) {
  const auto found = json.find("stop");
  if (found == json.end() || found->is_null()) return {};
  stops.clear();
  const Json list = found->is_string() ? Json::array({*found}) : *found;
  bool right = list.is_array() && list.size() <= most_stops;
  for (size_t i = 0; right && i < list.size(); ++i) {
    right = list[i].is_string() && !list[i].get_ref<const std::string&>().empty();
    if (right) stops.push_back(list[i].get<std::string>());
  }
  if (!right) return fail("{}: \"stop\" must be a text, or a list of up to {}, none of them empty", where, most_stops);
  return {};
}

}  // namespace

Json id_of_line(std::string_view line) {
  const auto json = parse_json(line, "");
  return json.ok() && json->is_object() && json->contains("id") ? (*json)["id"] : Json();
}

Result<BatchQuestion> parse_batch_line(std::string_view line, std::string_view where, uint64_t index,
                                       const ModelFiles& files, const BatchDefaults& defaults) {
  MXPATH_TRY(const Json json, parse_json(line, where));
  if (!json.is_object()) return fail("{}: a line must be an object, such as {{\"prompt\": \"Hello\"}}", where);
  MXPATH_CHECK(check_fields(json, fields, where));
  if (json.contains("prompt") + json.contains("messages") + json.contains("tokens") != 1)
    return fail("{}: a line needs one of \"prompt\", \"messages\" and \"tokens\"", where);
  BatchQuestion question;
  question.harmony = !json.contains("tokens");
  question.sampling = defaults.sampling, question.max_new_tokens = defaults.max_new_tokens;
  question.stop = defaults.stop;
  question.sampling.seed =
      Random(defaults.sampling.seed ^ Random(index).next()).next() >> 11;  // any JSON reader keeps it
  MXPATH_CHECK(read_sampling(json, where, question.sampling));
  MXPATH_CHECK(read_number(json, "max_new_tokens", where, question.max_new_tokens));
  MXPATH_CHECK(read_stops(json, where, question.stop));
  MXPATH_TRY(question.tokens, prompt_of(json, where, files, defaults.conversation));
  return question;
}

}  // namespace mxpath
