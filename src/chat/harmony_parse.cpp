// Tokens to messages, one at a time: what strict and lossy parsing share, and strict parsing.
#include "base/text.h"
#include "chat/harmony.h"
#include "chat/harmony_header.h"
#include "chat/utf8.h"

namespace mxpath::harmony {

Parser::Parser(const Tokenizer& tokenizer, std::optional<Role> role, bool strict)
    : tokenizer_(&tokenizer), strict_(strict) {
  if (role) begin_header(role);
}

void Parser::begin_header(std::optional<Role> role) {
  state_ = State::header;
  preset_ = role;
  header_.clear(), header_text_.clear();
}

// <|endoftext|> is what a model without the harmony habit ends on.
bool Parser::ends_message(Token token) const {
  const SpecialTokens& special = tokenizer_->special();
  return token >= 0 &&
         (token == special.end || token == special.return_ || token == special.call || token == special.end_of_text);
}

Status Parser::push(Token token) {
  pieces_.clear();
  if (strict_) return push_strict(token);
  push_lossy(token);
  return {};
}

std::string Parser::last_delta() const {
  std::string all;
  for (const Piece& piece : pieces_) all += piece.text;
  return all;
}

void Parser::add_piece(std::string_view text, bool begins, bool ends) {
  if (pieces_.empty() || pieces_.back().message != messages_.size())
    pieces_.push_back({.message = messages_.size(), .text = {}});
  Piece& piece = pieces_.back();
  piece.text += text;
  piece.begins |= begins, piece.ends |= ends;
}

void Parser::begin_content(Message message) {
  current_ = std::move(message);
  preset_.reset();
  state_ = State::content;
  add_piece("", true, false);
}

void Parser::add_content(std::string_view text) {
  if (text.empty()) return;
  current_.content += text;
  add_piece(text, false, false);
}

void Parser::end_message() {
  add_content(stream_.flush());
  add_piece("", false, true);
  messages_.push_back(std::move(current_));
  current_ = {};
  state_ = State::expect_start;
}

Status Parser::finish() {
  pieces_.clear();
  if (!strict_) return finish_lossy(), Status();
  if (state_ == State::content) end_message();
  if (state_ == State::header) return fail("the text ends inside a message header, before <|message|>");
  return {};
}

Status Parser::push_strict(Token token) {
  switch (state_) {
    case State::expect_start: return push_between(token);
    case State::header: return push_header(token);
    case State::content: break;
  }
  if (ends_message(token)) end_message();
  else append_content(token);
  return {};
}

Status Parser::push_between(Token token) {
  const SpecialTokens& special = tokenizer_->special();
  if (token < 0 || (token != special.start && token != special.end_of_text))
    return fail("token {} (\"{}\") stands between messages where <|start|> was expected", token,
                printable(tokenizer_->decode_lossy({&token, 1})));
  if (token == special.start) begin_header({});
  return {};
}

Status Parser::push_header(Token token) {
  const SpecialTokens& special = tokenizer_->special();
  if (token >= 0 && token == special.message) {
    MXPATH_TRY(const std::string text, tokenizer_->decode(header_));
    MXPATH_TRY(Message message, parse_header(to_valid_utf8(text), preset_));
    begin_content(std::move(message));
  } else if ((token >= 0 && token == special.start) || ends_message(token)) {
    return fail("{} stands in a message header before <|message|>", tokenizer_->decode_lossy({&token, 1}));
  } else {
    header_.push_back(token);
  }
  return {};
}

void Parser::append_content(Token token) {
  const Result<std::string> bytes = tokenizer_->token_bytes(token);
  if (bytes.ok()) return add_content(stream_.push(*bytes));
  add_content(stream_.flush());
  add_content(replacement_character);
}

}  // namespace mxpath::harmony
