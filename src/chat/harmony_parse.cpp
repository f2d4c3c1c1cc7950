// Tokens to messages, one at a time.
#include "base/text.h"
#include "chat/harmony.h"
#include "chat/harmony_header.h"
#include "chat/utf8.h"

namespace mxpath::harmony {

Parser::Parser(const Tokenizer& tokenizer, std::optional<Role> role, bool strict) : tokenizer_(&tokenizer), strict_(strict) {
  if (role) begin_header(role);
}

void Parser::begin_header(std::optional<Role> role) {
  state_ = State::header;
  preset_ = role;
  header_.clear();
}

// <|endoftext|> is what a model without the harmony habit ends on.
bool Parser::ends_message(Token token) const {
  const SpecialTokens& special = tokenizer_->special();
  return token >= 0 && (token == special.end || token == special.return_ || token == special.call || token == special.end_of_text);
}

Status Parser::push(Token token) {
  delta_.clear();
  switch (state_) {
    case State::expect_start: return push_between(token);
    case State::header: return push_header(token);
    case State::content: return push_content(token);
  }
  return {};
}

Status Parser::push_between(Token token) {
  const SpecialTokens& special = tokenizer_->special();
  if (token >= 0 && token == special.start) {
    begin_header({});
    return {};
  }
  if ((token >= 0 && token == special.end_of_text) || (!strict_ && ends_message(token))) return {};
  if (strict_)
    return fail("token {} (\"{}\") stands between messages where <|start|> was expected", token,
                printable(tokenizer_->decode_lossy({&token, 1})));
  begin_header(Role::assistant);
  return push_header(token);
}

Status Parser::push_header(Token token) {
  const SpecialTokens& special = tokenizer_->special();
  const bool starts = token >= 0 && token == special.start;
  if (token >= 0 && token == special.message) {
    Message message;
    if (strict_) {
      MXPATH_TRY(std::string text, tokenizer_->decode(header_));
      MXPATH_TRY(message, parse_header(to_valid_utf8(text), preset_));
    } else {
      message = parse_header_lossy(tokenizer_->decode_lossy(header_), preset_);
    }
    current_ = std::move(message);
    preset_.reset();
    state_ = State::content;
  } else if (strict_ && (starts || ends_message(token))) {
    return fail("{} stands in a message header before <|message|>", tokenizer_->decode_lossy({&token, 1}));
  } else if (starts || ends_message(token)) {
    end_header_as_message();
    if (starts) begin_header({});
  } else {
    header_.push_back(token);
  }
  return {};
}

Status Parser::push_content(Token token) {
  const SpecialTokens& special = tokenizer_->special();
  if (ends_message(token)) {
    end_message();
  } else if (!strict_ && token >= 0 && token == special.start) {
    end_message();
    begin_header({});
  } else if (!strict_ && token >= 0 && token == special.channel) {
    // "…text<|channel|>final<|message|>…": the model forgot <|end|><|start|>assistant.
    const Role role = current_.role;
    end_message();
    begin_header(role);
    header_.push_back(token);
  } else if (strict_ || token < 0 || token != special.message) {
    append_content(token);
  }
  return {};
}

void Parser::append_content(Token token) {
  const Result<std::string> bytes = tokenizer_->token_bytes(token);
  if (bytes.ok()) delta_ = stream_.push(*bytes);
  else (delta_ = stream_.flush()) += replacement_character;
  current_.content += delta_;
}

void Parser::end_message() {
  delta_ = stream_.flush();
  current_.content += delta_;
  messages_.push_back(std::move(current_));
  current_ = {};
  state_ = State::expect_start;
}

void Parser::end_header_as_message() {
  Message message = parse_headless(tokenizer_->decode_lossy(header_), preset_);
  delta_ = message.content;
  // A bare `<|start|>assistant` at the end is an invitation, not a message.
  if (!message.content.empty() || !message.channel.empty() || !message.recipient.empty()) messages_.push_back(std::move(message));
  preset_.reset();
  header_.clear();
  state_ = State::expect_start;
}

Status Parser::finish() {
  delta_.clear();
  if (state_ == State::content) end_message();
  if (state_ == State::header && strict_) return fail("the text ends inside a message header, before <|message|>");
  if (state_ == State::header) end_header_as_message();
  return {};
}

}  // namespace mxpath::harmony
