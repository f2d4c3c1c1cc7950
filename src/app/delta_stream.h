// Tokens of an answer to pieces of text by channel.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/harmony.h"

namespace mxpath {

/// A piece of an answer as it comes.
struct Delta {
  std::string_view channel, recipient;  ///< those of the message it belongs to
  std::string_view text;                ///< whole UTF-8 characters; may be empty when a message begins or ends
  bool begins = false, ends = false;    ///< first or last piece of its message
  size_t tokens = 0;                    ///< of the answer, that had come when this text did; it may be told later
};

/// When text is reported whose channel nobody can know.
enum class UnknownText {
  settled,  ///< once it is settled, as analysis or final
  at_once,  ///< as it comes, under the name that it has, if any
};

/// Feeds the tokens after <|start|>assistant to a lossy parser and reports what each completes. Never fails, however
/// malformed they are.
///
/// Text whose channel nobody can know is analysis as soon as text follows on the channel final, and final if none does.
/// Without a name of a channel it waits for that only until it is `longest_wait` bytes long: then it is final, and what
/// waits under a name is analysis. So each text is settled once, in the order in which it came.
class DeltaStream {
 public:
  static constexpr size_t longest_wait = 256;

  /// Both must outlive the stream; an empty sink is fine.
  DeltaStream(const Tokenizer& tokenizer, const std::function<void(const Delta&)>& sink,
              UnknownText unknown = UnknownText::settled)
      : parser_(tokenizer, harmony::Role::assistant, false), sink_(sink), unknown_(unknown) {}

  void push(Token token);
  /// The turn has ended: a stop token came, or another role speaks. What is pushed now is ignored.
  bool turn_over() const { return turn_over_; }
  /// Closes what is open; the assistant's messages, each on a channel that is known.
  std::vector<harmony::Message> finish();
  /// Tokens of text on the channel analysis; after finish().
  int reasoning_tokens() const;

 private:
  enum class Verdict { as_named, open, final, analysis };
  struct Heard {
    Verdict verdict = Verdict::as_named;
    int tokens = 0;
  };
  struct Waiting {
    harmony::Piece piece;
    size_t tokens = 0;
  };

  const harmony::Message& message(size_t index) const;
  void take_pieces();
  void hear(const harmony::Piece& piece);
  Verdict first_verdict(const harmony::Message& message) const;
  void settle(Verdict without_name, Verdict with_name);
  void report();
  std::string_view channel_of(size_t index) const;

  harmony::Parser parser_;
  const std::function<void(const Delta&)>& sink_;
  UnknownText unknown_;
  std::vector<Heard> heard_;  // of each message of the parser
  std::vector<Waiting> waiting_;
  size_t reported_ = 0;        // of waiting_
  size_t pushed_ = 0;          // tokens
  size_t nameless_bytes_ = 0;  // that wait
  bool turn_over_ = false, final_came_ = false, nameless_is_final_ = false;
};

}  // namespace mxpath
