#include "app/delta_stream.h"

#include <algorithm>

namespace mxpath {
namespace {

using harmony::Message;
using harmony::Role;

bool is_known(std::string_view channel) {
  return channel == "analysis" || channel == "commentary" || channel == "final";
}
bool calls(const Message& m) { return !m.recipient.empty() && m.recipient != "all"; }
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }
bool is_content_type(std::string_view type) {
  return type.starts_with("<|constrain|>") || type == "json" || type == "code" || type == "text";
}

}  // namespace

const Message& DeltaStream::message(size_t index) const {
  return index < parser_.messages().size() ? parser_.messages()[index] : parser_.current();
}

void DeltaStream::push(Token token) {
  if (turn_over_) return;
  ++pushed_;
  const size_t before = parser_.messages().size();
  const bool inside = parser_.in_content();
  (void)parser_.push(token);  // lossy: never fails
  take_pieces();
  if (inside && before < heard_.size() && parser_.messages().size() == before) ++heard_[before].tokens;
  else if (!inside && parser_.in_content() && !parser_.last_delta().empty() && !heard_.empty()) ++heard_.back().tokens;
  turn_over_ |= parser_.stopped();
  report();
}

std::vector<Message> DeltaStream::finish() {
  (void)parser_.finish();
  take_pieces();
  settle(Verdict::final, Verdict::final);
  report();
  std::vector<Message> out;
  for (size_t i = 0; i < heard_.size(); ++i) {
    if (message(i).role != Role::assistant) break;
    Message m = message(i);
    m.channel = channel_of(i);
    if (!calls(m) && !is_content_type(m.content_type)) m.content_type.clear();
    out.push_back(std::move(m));
  }
  return out;
}

int DeltaStream::reasoning_tokens() const {
  int count = 0;
  for (size_t i = 0; i < heard_.size(); ++i)
    if (message(i).role == Role::assistant && channel_of(i) == "analysis" && !calls(message(i)))
      count += heard_[i].tokens;
  return count;
}

void DeltaStream::take_pieces() {
  for (const harmony::Piece& piece : parser_.pieces()) {
    // A turn of the assistant ends where another role begins.
    if (message(piece.message).role != Role::assistant) turn_over_ = true;
    if (turn_over_) return;
    hear(piece);
  }
}

void DeltaStream::hear(const harmony::Piece& piece) {
  const Message& m = message(piece.message);
  if (heard_.size() <= piece.message) {
    heard_.resize(piece.message + 1);
    heard_.back().verdict = first_verdict(m);
  }
  const Verdict verdict = heard_[piece.message].verdict;
  if (m.channel == "final" && !calls(m) && !is_blank(piece.text)) {
    settle(Verdict::analysis, Verdict::analysis);
    final_came_ = true;
  } else if (verdict == Verdict::open && m.channel.empty()) {
    nameless_bytes_ += piece.text.size();
    if (nameless_bytes_ > longest_wait) {
      settle(Verdict::final, Verdict::analysis);
      nameless_is_final_ = true;
    }
  }
  waiting_.push_back({piece, pushed_});
}

DeltaStream::Verdict DeltaStream::first_verdict(const Message& m) const {
  if (calls(m) || is_known(m.channel)) return Verdict::as_named;
  if (final_came_) return Verdict::analysis;
  if (nameless_is_final_) return m.channel.empty() ? Verdict::final : Verdict::analysis;
  return Verdict::open;
}

void DeltaStream::settle(Verdict without_name, Verdict with_name) {
  for (size_t i = 0; i < heard_.size(); ++i)
    if (heard_[i].verdict == Verdict::open) heard_[i].verdict = message(i).channel.empty() ? without_name : with_name;
  nameless_bytes_ = 0;
}

std::string_view DeltaStream::channel_of(size_t index) const {
  switch (heard_[index].verdict) {
    case Verdict::final: return "final";
    case Verdict::analysis: return "analysis";
    case Verdict::open: return message(index).channel;
    case Verdict::as_named: break;
  }
  return is_known(message(index).channel) ? std::string_view(message(index).channel) : "commentary";  // a call
}

void DeltaStream::report() {
  for (; reported_ < waiting_.size(); ++reported_) {
    const auto& [piece, tokens] = waiting_[reported_];
    const bool open = heard_[piece.message].verdict == Verdict::open;
    if (open && unknown_ == UnknownText::settled) return;
    if (sink_)
      sink_(
          {channel_of(piece.message), message(piece.message).recipient, piece.text, piece.begins, piece.ends, tokens});
  }
  waiting_.clear(), reported_ = 0;
}

}  // namespace mxpath
