#include "app/conversation.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

using harmony::Message;

Message system_message(const ConversationOptions& options) {
  harmony::SystemContent content;
  if (options.identity) content.model_identity = *options.identity;
  content.effort = options.effort;
  content.conversation_start_date = options.date;
  Message message;
  message.role = harmony::Role::system, message.system = std::move(content);
  return message;
}

Message developer_message(const std::string& instructions) {
  Message message;
  message.role = harmony::Role::developer;
  message.developer.emplace().instructions = instructions;
  return message;
}

std::string author_of(const Message& m) {
  std::string author = m.author_name.empty() ? std::string(name_of(m.role)) : m.author_name;
  if (!m.channel.empty()) author += ", " + m.channel;
  if (!m.recipient.empty()) author += " to " + m.recipient;
  return author;
}

std::string content_of(const Message& m) {
  if (m.developer) return m.developer->instructions.value_or("");
  if (m.system) return m.system->model_identity.value_or("");
  return m.content;
}

}  // namespace

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return fmt::format("{:04}-{:02}-{:02}", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday);
}

Status check_date(std::string_view date) {
  const auto digits = [&](size_t at, size_t count) {
    int value = 0;
    for (size_t i = at; i < at + count; ++i)
      value = date[i] >= '0' && date[i] <= '9' && value >= 0 ? value * 10 + (date[i] - '0') : -1;
    return value;
  };
  if (date.size() == 10 && date[4] == '-' && date[7] == '-') {
    const int year = digits(0, 4), month = digits(5, 2), day = digits(8, 2);
    const bool numbers = year >= 0 && month >= 0 && day >= 0;
    if (numbers && (std::chrono::year(year) / month / day).ok()) return {};
  }
  return wrong_use("{}: a date looks like 2025-06-28", mention(Knob::date, printable(date)));
}

Message user_message(std::string_view text) {
  Message message;
  message.role = harmony::Role::user, message.content = text;
  return message;
}

std::vector<Message> Conversation::messages() const {
  std::vector<Message> all = {system_message(options_)};
  if (!options_.developer.empty()) all.push_back(developer_message(options_.developer));
  all.insert(all.end(), turns_.begin(), turns_.end());
  return all;
}

Result<std::vector<Token>> Conversation::prompt(const Tokenizer& tokenizer, std::string_view user) const {
  auto all = messages();
  all.push_back(user_message(user));
  return harmony::render(tokenizer, all, harmony::Role::assistant, harmony::DropAnalysis::finished);
}

void Conversation::add_turn(std::string_view user, std::vector<Message> answer) {
  std::erase_if(answer, [](const Message& m) { return m.content.empty() && m.recipient.empty(); });
  while (!answer.empty() && answer.back().channel == "analysis" && answer.back().recipient.empty()) answer.pop_back();
  turns_.push_back(user_message(user));
  turns_.insert(turns_.end(), std::make_move_iterator(answer.begin()), std::make_move_iterator(answer.end()));
}

std::string to_text(const std::vector<Message>& messages) {
  std::string out;
  for (const Message& m : messages) out += fmt::format("[{}]\n{}\n\n", author_of(m), content_of(m));
  return out;
}

Json to_json(const std::vector<Message>& messages) {
  Json out = Json::array();
  for (const Message& m : messages) {
    Json entry = {{"role", name_of(m.role)}};
    if (!m.author_name.empty()) entry["name"] = m.author_name;
    if (!m.channel.empty()) entry["channel"] = m.channel;
    if (!m.recipient.empty()) entry["recipient"] = m.recipient;
    if (!m.content_type.empty()) entry["content_type"] = m.content_type;
    entry["content"] = content_of(m);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace mxpath
