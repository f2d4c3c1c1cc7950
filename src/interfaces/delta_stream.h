// Tokens of an answer to pieces of text by channel.
#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "chat/harmony.h"

namespace mxpath {

/// A piece of an answer as it comes.
struct Delta {
  std::string_view channel, recipient;  ///< of the message it belongs to
  std::string_view text;                ///< whole UTF-8 characters; may be empty when a message begins or ends
  bool begins = false, ends = false;    ///< first or last piece of its message
};

/// Feeds the tokens after <|start|>assistant to a lossy parser and reports what each completes. Never fails, however malformed they are.
class DeltaStream {
 public:
  /// Both must outlive the stream; an empty sink is fine.
  DeltaStream(const Tokenizer& tokenizer, const std::function<void(const Delta&)>& sink)
      : parser_(tokenizer, harmony::Role::assistant, false), sink_(sink) {}

  void push(Token token);
  /// Closes what is open; all messages.
  std::vector<harmony::Message> finish();

 private:
  void report(bool was_inside);

  harmony::Parser parser_;
  const std::function<void(const Delta&)>& sink_;
  size_t reported_ = 0;
};

}  // namespace mxpath
