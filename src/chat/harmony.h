// The harmony chat format: messages to tokens, tokens to messages (openai/harmony v0.0.8 is the yardstick).
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/tokenizer.h"

namespace mxpath::harmony {

enum class Role { system, developer, user, assistant, tool };
enum class Effort { low, medium, high };
std::string_view name_of(Role role);
std::string_view name_of(Effort effort);
/// "low", "medium" or "high" in any case. Error: anything else.
Result<Effort> parse_effort(std::string_view text);
/// The role that a header word names. Null: none, so the word may be a tool.
std::optional<Role> parse_role(std::string_view text);

/// One function a model may call.
struct ToolDescription {
  std::string name, description;
  std::optional<Json> parameters;  ///< JSON schema; key order is kept in the rendering
};
struct ToolNamespace {
  std::string name;
  std::optional<std::string> description;
  std::vector<ToolDescription> tools;
};
ToolNamespace browser_tools();  ///< built-in texts of openai/harmony
ToolNamespace python_tool();

/// Content of a system message.
struct SystemContent {
  std::optional<std::string> model_identity = "You are ChatGPT, a large language model trained by OpenAI.";
  std::optional<Effort> effort = Effort::medium;
  std::vector<ToolNamespace> tools;
  std::optional<std::string> conversation_start_date;  ///< "2025-06-28"
  std::optional<std::string> knowledge_cutoff = "2024-06";
  std::vector<std::string> valid_channels = {"analysis", "commentary", "final"};
  bool channel_required = true;
};
/// Content of a developer message.
struct DeveloperContent {
  std::optional<std::string> instructions;
  std::vector<ToolNamespace> tools;
  struct ResponseFormat {
    std::string name, description;
    Json schema;
  };
  std::vector<ResponseFormat> response_formats;
};

struct Message {
  Role role = Role::user;
  std::string author_name;  ///< full tool name for role tool; optional otherwise
  std::string content;      ///< text; ignored where system or developer content is set
  std::optional<SystemContent> system;
  std::optional<DeveloperContent> developer;
  std::string channel;       ///< "" none, analysis, commentary, final
  std::string recipient;     ///< "" or "all": nobody in particular
  std::string content_type;  ///< e.g. "<|constrain|>json"
};

enum class DropAnalysis {
  reference,  ///< openai/harmony: before the first final, if the last assistant message is final
  finished,   ///< the documented intent: all analysis before the last final; the current tool loop is kept
  never,
};

/// Tokens of a conversation followed by `<|start|>{next}` when `next` is given. Errors: a vocabulary without the
/// harmony special tokens.
Result<std::vector<Token>> render(const Tokenizer& tokenizer, std::span<const Message> messages,
                                  std::optional<Role> next = Role::assistant,
                                  DropAnalysis drop = DropAnalysis::finished);
/// Renders as `render` does without `next`, but a last message that is assistant/final ends in `<|return|>`.
Result<std::vector<Token>> render_for_training(const Tokenizer& tokenizer, std::span<const Message> messages,
                                               DropAnalysis drop = DropAnalysis::reference);

/// Text of a message that one push completed.
struct Piece {
  size_t message = 0;  ///< its place in messages(), now or once it is finished
  std::string text;
  bool begins = false, ends = false;  ///< first or last piece of the message
};

/// Tokens to messages, one token at a time. After an error the parser is where it was before that token.
///
/// A lossy parser (strict = false) takes headers as models write them; docs/harmony.md has the rules. Channels are the
/// nearest known ones; a name that nobody knows stays as it is, and "" is the channel of text that has none. What can
/// be no header any more is content and comes as it is pushed. Nobody is called who is not named as a recipient.
class Parser {
 public:
  /// role: preset for the first message, when the prompt already holds `<|start|>assistant`. strict = false closes what
  /// is malformed as well as it can and never fails. The tokenizer must outlive the parser.
  Parser(const Tokenizer& tokenizer, std::optional<Role> role, bool strict);

  /// Errors (strict): a token other than <|start|> between messages; a header that is cut, has no channel after
  /// <|channel|>, an unknown role or words left over. Content never fails: a token without a text and invalid UTF-8
  /// become U+FFFD.
  Status push(Token token);
  Status finish();  ///< end of stream; closes a message in its content. Error (strict): inside a header

  const std::vector<Message>& messages() const { return messages_; }  ///< finished ones
  // Of the message being read; empty between messages and in a header:
  std::optional<Role> role() const { return in_content() ? current_.role : preset_; }
  const std::string& channel() const { return current_.channel; }
  const std::string& recipient() const { return current_.recipient; }
  const std::string& content_type() const { return current_.content_type; }
  const std::string& content() const { return current_.content; }  ///< so far
  const Message& current() const { return current_; }
  /// Text that the last push completed, message by message. Where a push ended a message, a cut character became
  /// U+FFFD.
  const std::vector<Piece>& pieces() const { return pieces_; }
  std::string last_delta() const;                               ///< the same in one
  bool in_content() const { return state_ == State::content; }  ///< between <|message|> and the end of a message
  /// Lossy: <|return|>, <|call|> or <|endoftext|> came, be it spelled in ordinary text.
  bool stopped() const { return stopped_; }

 private:
  enum class State { expect_start, header, content };

  enum class Marker { start, message, channel, constrain, end, call, stop };

  Status push_strict(Token token);
  Status push_between(Token token);
  Status push_header(Token token);
  void append_content(Token token);
  bool ends_message(Token token) const;

  void push_lossy(Token token);
  std::optional<Marker> marker_of(Token token) const;
  static std::optional<Marker> spelled_marker(std::string_view text, size_t& length, bool& cut);
  bool may_spell() const { return state_ != State::content || spelled_; }
  void take_text(std::string text);
  void take_plain(std::string_view text);
  void take_marker(Marker marker, std::string_view spelling);
  void marker_in_header(Marker marker);
  void marker_in_content(Marker marker);
  void begin_lossy_header(std::optional<Role> role, bool after_start);
  void open_header(bool whole);
  void close_header(Marker marker);
  void finish_lossy();

  void begin_header(std::optional<Role> role);
  void begin_content(Message message);
  void add_content(std::string_view text);
  void add_piece(std::string_view text, bool begins, bool ends);
  void end_message();

  const Tokenizer* tokenizer_;
  bool strict_;
  State state_ = State::expect_start;
  std::optional<Role> preset_;  // of the message whose header is read
  std::vector<Token> header_;   // strict
  Message current_;
  Utf8Stream stream_;
  std::vector<Piece> pieces_;

  std::string header_text_;   // lossy; markers in it are their literal texts
  std::string held_;          // lossy: may become a marker that is spelled in text
  bool after_start_ = false;  // of the header
  bool spelled_ = false;      // markers of this message are spelled in text
  bool headless_ = false;     // <|message|> did not come yet
  bool stopped_ = false;
  std::vector<Message> messages_;
};

/// Ids that end an assistant turn: <|return|>, <|call|>, <|endoftext|>; never <|end|>.
std::vector<Token> stop_tokens(const Tokenizer& tokenizer);

}  // namespace mxpath::harmony
