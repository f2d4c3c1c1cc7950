// The messages of one conversation, as harmony wants them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/harmony.h"

namespace mxpath {

struct ConversationOptions {
  std::optional<std::string> identity;  ///< first line of the system message; none: OpenAI's default
  std::string developer;                ///< instructions of the developer message; "": no such message
  harmony::Effort effort = harmony::Effort::medium;
  std::optional<std::string> date;  ///< "2025-06-28"; none: no such line
};

/// "2025-06-28", where this computer is.
std::string today();
/// Error (wrong use): not YYYY-MM-DD.
Status check_date(std::string_view date);

/// A system message, perhaps a developer message, then turns. A turn is a user's message and what answered it.
class Conversation {
 public:
  explicit Conversation(ConversationOptions options) : options_(std::move(options)) {}

  /// Tokens of all turns and of this new message of the user, up to <|start|>assistant. Errors: those of render.
  Result<std::vector<Token>> prompt(const Tokenizer& tokenizer, std::string_view user) const;
  /// Keeps a turn: what the user said, and of an answer that was cut short what a reader has seen of it (analysis
  /// without a final after it is dropped).
  void add_turn(std::string_view user, std::vector<harmony::Message> answer);
  /// Adds messages as they are: history from elsewhere.
  void add(harmony::Message message) { turns_.push_back(std::move(message)); }
  void reset() { turns_.clear(); }
  void set_effort(harmony::Effort effort) { options_.effort = effort; }

  /// System and developer message, then the turns.
  std::vector<harmony::Message> messages() const;
  bool empty() const { return turns_.empty(); }

 private:
  ConversationOptions options_;
  std::vector<harmony::Message> turns_;
};

/// A message of the user.
harmony::Message user_message(std::string_view text);

/// The messages as text that a person reads, and as [{"role", "channel", …, "content"}].
std::string to_text(const std::vector<harmony::Message>& messages);
Json to_json(const std::vector<harmony::Message>& messages);

}  // namespace mxpath
