// Messages to tokens. Names, channels and content are encoded as ordinary text: only this file writes special tokens.
#include <algorithm>

#include "base/text.h"
#include "chat/harmony.h"
#include "chat/harmony_text.h"

namespace mxpath::harmony {
namespace {

constexpr std::string_view constrain_marker = "<|constrain|>";

bool to_somebody(const Message& message) { return !message.recipient.empty() && message.recipient != "all"; }
bool is_final(const Message& message) { return message.channel == "final"; }

class Renderer {
 public:
  Renderer(const Tokenizer& tokenizer, bool function_tools)
      : tokenizer_(tokenizer), special_(tokenizer.special()), function_tools_(function_tools) {}

  Status message(const Message& message);
  Status next_role(Role role);
  std::vector<Token> take() { return std::move(tokens_); }

 private:
  Status special(Token id, std::string_view text);
  void text(std::string_view text);
  Status author(const Message& message);
  Status header(const Message& message);
  Status content_type(std::string_view type);
  Status content(const Message& message);

  const Tokenizer& tokenizer_;
  const SpecialTokens& special_;
  bool function_tools_;
  std::vector<Token> tokens_;
};

Status Renderer::special(Token id, std::string_view text) {
  if (id < 0)
    return fail("{}: the vocabulary has no special token {}, which the harmony format needs", tokenizer_.source(),
                text);
  tokens_.push_back(id);
  return {};
}

void Renderer::text(std::string_view text) {
  const std::vector<Token> ids = tokenizer_.encode(text);
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
}

Status Renderer::author(const Message& message) {
  if (message.role != Role::tool) {
    text(name_of(message.role));
    if (!message.author_name.empty()) text(":" + message.author_name);
    return {};
  }
  if (message.author_name.empty())
    return wrong_use(
        "a message of role tool has no author_name; give the tool's full name, such as functions.get_weather");
  text(message.author_name);
  return {};
}

Status Renderer::content_type(std::string_view type) {
  if (!type.starts_with(constrain_marker)) {
    text(" " + std::string(type));
    return {};
  }
  text(" ");
  MXPATH_CHECK(special(special_.constrain, constrain_marker));
  text(type.substr(constrain_marker.size()));
  return {};
}

Status Renderer::header(const Message& message) {
  MXPATH_CHECK(special(special_.start, "<|start|>"));
  MXPATH_CHECK(author(message));
  if (to_somebody(message)) text(" to=" + message.recipient);
  if (!message.channel.empty()) {
    MXPATH_CHECK(special(special_.channel, "<|channel|>"));
    text(message.channel);
  }
  if (!message.content_type.empty()) MXPATH_CHECK(content_type(message.content_type));
  return special(special_.message, "<|message|>");
}

Status Renderer::content(const Message& message) {
  if (message.system && message.role != Role::system)
    return wrong_use("system content stands in a message of role {}", name_of(message.role));
  if (message.developer && message.role != Role::developer)
    return wrong_use("developer content stands in a message of role {}", name_of(message.role));
  if (message.system) text(system_text(*message.system, function_tools_));
  else if (message.developer) text(developer_text(*message.developer));
  else text(message.content);
  return {};
}

Status Renderer::message(const Message& message) {
  MXPATH_CHECK(header(message));
  MXPATH_CHECK(content(message));
  if (message.role == Role::assistant && to_somebody(message)) return special(special_.call, "<|call|>");
  return special(special_.end, "<|end|>");
}

Status Renderer::next_role(Role role) {
  MXPATH_CHECK(special(special_.start, "<|start|>"));
  text(name_of(role));
  return {};
}

bool defines_functions(const Message& message) {
  if (!message.developer) return false;
  const auto& tools = message.developer->tools;
  return std::any_of(tools.begin(), tools.end(),
                     [](const ToolNamespace& t) { return t.name == "functions" && !t.tools.empty(); });
}

// Analysis before this index is dropped.
size_t keep_analysis_from(std::span<const Message> messages, DropAnalysis drop) {
  if (drop == DropAnalysis::finished) {
    const auto last = std::find_if(messages.rbegin(), messages.rend(), is_final);
    return static_cast<size_t>(messages.rend() - last);
  }
  const auto assistant =
      std::find_if(messages.rbegin(), messages.rend(), [](const Message& m) { return m.role == Role::assistant; });
  if (drop == DropAnalysis::never || assistant == messages.rend() || !is_final(*assistant)) return 0;
  return static_cast<size_t>(std::find_if(messages.begin(), messages.end(), is_final) - messages.begin());
}

Status render_messages(Renderer& renderer, std::span<const Message> messages, DropAnalysis drop) {
  const size_t keep_from = keep_analysis_from(messages, drop);
  for (size_t i = 0; i < messages.size(); ++i)
    if (i >= keep_from || messages[i].channel != "analysis") MXPATH_CHECK(renderer.message(messages[i]));
  return {};
}

}  // namespace

Result<std::vector<Token>> render(const Tokenizer& tokenizer, std::span<const Message> messages,
                                  std::optional<Role> next, DropAnalysis drop) {
  Renderer renderer(tokenizer, std::any_of(messages.begin(), messages.end(), defines_functions));
  MXPATH_CHECK(render_messages(renderer, messages, drop));
  if (next) MXPATH_CHECK(renderer.next_role(*next));
  return renderer.take();
}

Result<std::vector<Token>> render_for_training(const Tokenizer& tokenizer, std::span<const Message> messages,
                                               DropAnalysis drop) {
  MXPATH_TRY(std::vector<Token> tokens, render(tokenizer, messages, std::nullopt, drop));
  if (messages.empty() || messages.back().role != Role::assistant || !is_final(messages.back())) return tokens;
  if (tokenizer.special().return_ < 0)
    return fail("{}: the vocabulary has no special token <|return|>, which training text needs", tokenizer.source());
  tokens.back() = tokenizer.special().return_;
  return tokens;
}

}  // namespace mxpath::harmony
