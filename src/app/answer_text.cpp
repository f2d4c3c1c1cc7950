// What an answer says, from what its stream heard.
#include <algorithm>

#include "app/answer.h"
#include "app/stop_text.h"

namespace mxpath {
namespace {

void append(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "\n\n";
  text += more;
}

bool calls(const harmony::Message& m) { return !m.recipient.empty() && m.recipient != "all"; }

/// What the model said behind a text to stop at, nobody hears.
void cut(std::vector<harmony::Message>& messages, std::span<const std::string> stops) {
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!is_for_user(messages[i].channel, messages[i].recipient)) continue;
    const auto stop = find_stop(messages[i].content, stops);
    if (!stop) continue;
    messages[i].content.resize(*stop);
    return messages.resize(i + 1);
  }
}

}  // namespace

bool has_text(const Answer& answer) { return answer.text.find_first_not_of(" \t\r\n") != std::string::npos; }

std::string_view called_tool(const Answer& answer) {
  const auto call = std::find_if(answer.messages.rbegin(), answer.messages.rend(), calls);
  return call == answer.messages.rend() ? std::string_view() : std::string_view(call->recipient);
}

bool is_for_user(std::string_view channel, std::string_view recipient) {
  return channel != "analysis" && (recipient.empty() || recipient == "all");
}

void take_messages(Answer& answer, DeltaStream& stream, std::span<const std::string> stops) {
  answer.messages = stream.finish();
  cut(answer.messages, stops);
  answer.reasoning_tokens = stream.reasoning_tokens();
  answer.calls_tool = stream.turn_over() && !answer.messages.empty() && calls(answer.messages.back());
  for (const auto& m : answer.messages) {
    if (is_for_user(m.channel, m.recipient)) append(answer.text, m.content);
    else if (m.channel == "analysis" && !calls(m)) append(answer.analysis, m.content);
  }
}

}  // namespace mxpath
