// What a body asks of the model, whichever endpoint it came by.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/conversation.h"
#include "base/json.h"
#include "chat/harmony.h"
#include "engine/sampling.h"
#include "server/openai/api_error.h"

namespace mxpath::openai {

/// A function of the caller's that the model may call.
struct Function {
  std::string name, description;   ///< name as the model sees it behind "functions."
  std::optional<Json> parameters;  ///< JSON schema
  bool strict = false;
  bool custom = false;              ///< takes one text instead of JSON
  std::optional<Json> text_format;  ///< of a custom one: {"type": "grammar", "syntax": "lark" | "regex", "definition"}
  std::string space;                ///< the namespace that the caller put it in; "": none
};

enum class ToolChoice { automatic, none, required, named };

struct ResponseFormat {
  enum class Kind { text, json_object, json_schema } kind = Kind::text;
  std::string name, description;
  Json schema;  ///< of json_schema
  bool strict = false;
};

enum class ReasoningField { reasoning, reasoning_content, both };

/// What holds where a body says nothing, and what the server allows.
struct QuestionDefaults {
  ConversationOptions conversation;  ///< identity, date, effort
  SamplingOptions sampling;          ///< the model's
  int context = 0;                   ///< tokens
  int vocab = 0;
  int most_choices = 16;
};

struct Question {
  std::string model;  ///< as the caller wrote it; "": not said

  // What the model reads: messages, or plain tokens.
  bool harmony = true;
  /// System and developer message first; rendered with DropAnalysis::finished.
  std::vector<harmony::Message> messages;
  bool skip_reasoning = false;  ///< the answer begins on the channel final (effort "none")
  /// /v1/completions: one prompt or several, as text or as ids of tokens. To echo the latter, the server puts their
  /// texts into prompt_texts too.
  std::vector<std::string> prompt_texts;
  std::vector<std::vector<Token>> prompts;
  std::vector<Function> functions;
  ToolChoice tool_choice = ToolChoice::automatic;
  std::string named;  ///< function of ToolChoice::named
  ResponseFormat format;

  // How it is answered.
  SamplingOptions sampling;
  bool has_seed = false;   ///< else the server draws one
  int max_new_tokens = 0;  ///< 0: not said
  int choices = 1, best_of = 1;
  std::vector<std::string> stop;        ///< in visible text only
  std::optional<int> top;               ///< log-probabilities were asked for, with so many of the most likely tokens
  std::map<Token, float> bias;          ///< -100: never; other values are refused
  std::optional<int> reasoning_budget;  ///< tokens of analysis after which the final channel is forced
  std::string cache_salt;
  int priority = 0;

  // How it is told.
  bool stream = false, include_usage = false, show_reasoning = true, echo = false;
  std::vector<std::string> warnings;  ///< what was left out or done otherwise
  Json asked = Json::object();        ///< fields that the reply repeats (Responses: instructions, tools, metadata …)
};

}  // namespace mxpath::openai
