// For tests: what a client makes of a stream of /v1/responses. It refuses what OpenAI's client refuses, and more.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/openai/responses.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {

/// Reads events, puts items together from their deltas, and keeps the first thing that was wrong.
class ResponsesAccumulator {
 public:
  /// Whole events, one or several.
  void read(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find("\n\n");
      if (end == bytes.npos) return refuse("an event is cut");
      read_event(bytes.substr(0, end));
      bytes.remove_prefix(end + 2);
    }
  }

  const std::vector<std::string>& types() const { return types_; }  ///< without "response."
  const std::vector<Json>& events() const { return events_; }
  const std::string& problem() const { return problem_; }  ///< "": none
  const Json& last() const { return last_; }               ///< the response of the last event that had one
  bool over() const { return over_; }

 private:
  struct Item {
    Json begun, done;
    std::string text;
    bool part_open = false, part_done = false, text_done = false;
  };

  void refuse(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }
  void check(bool right, const std::string& problem) {
    if (!right) refuse(problem);
  }

  void read_event(std::string_view text) {
    const size_t line = text.find('\n');
    const std::string_view name = text.substr(0, line), data = line == text.npos ? "" : text.substr(line + 1);
    if (!name.starts_with("event: response.") || !data.starts_with("data: "))
      return refuse("no event: " + std::string(text));
    auto json = parse_json(data.substr(6), "event");
    if (!json.ok()) return refuse(json.error().message);
    const std::string type = json->value("type", "");
    check(type == name.substr(7), "the event is called otherwise than its type: " + type);
    check(!over_, "an event behind the last one: " + type);
    check((*json)["sequence_number"] == types_.size(), "sequence_number is not " + std::to_string(types_.size()));
    types_.push_back(type.substr(9));
    events_.push_back(*json);
    take(types_.back(), *json);
  }

  void take(const std::string& type, const Json& event) {
    if (event.contains("response")) return take_response(type, event["response"]);
    check(!last_.is_null(), "before response.created: " + type);
    if (type == "output_item.added") return add_item(event);
    const auto found = items_.find(event.value("output_index", -1));
    if (found == items_.end()) return refuse("before its item: " + type);
    Item& item = found->second;
    if (!item.done.is_null()) return refuse("behind its item: " + type);
    if (type == "output_item.done") return finish_item(item, event["item"]);
    check(event["item_id"] == item.begun["id"], "another id: " + type);
    const bool has_parts = item.begun.contains("content");
    check(event.contains("content_index") == has_parts, "content_index: " + type);
    if (type == "content_part.added") return add_part(item, event["part"]);
    if (type == "content_part.done") return finish_part(item, event["part"]);
    const std::string expected = expected_text(item.begun["type"]);
    if (type != expected + ".delta" && type != expected + ".done") return refuse("not of such an item: " + type);
    check(item.part_open || !has_parts, "before its part: " + type);
    check(!item.text_done, "behind the end of its text: " + type);
    if (type.ends_with(".delta")) {
      item.text += event["delta"].get<std::string>();
      return;
    }
    item.text_done = true;
    const char* field = expected == "function_call_arguments" ? "arguments" : has_parts ? "text" : "input";
    check(event[field] == item.text, "the text is not that of the deltas");
  }

  static std::string expected_text(const std::string& type) {
    if (type == "message") return "output_text";
    if (type == "reasoning") return "reasoning_text";
    return type == "function_call" ? "function_call_arguments" : "custom_tool_call_input";
  }

  void take_response(const std::string& type, const Json& response) {
    if (last_.is_null()) check(type == "created", "before response.created: " + type);
    else check(response["id"] == last_["id"], "another response");
    over_ = type == "completed" || type == "incomplete" || type == "failed";
    last_ = response;
    if (!over_) return check(response["output"].empty(), "output before its items");
    check(response["output"].size() == items_.size(), "not all items are in the response");
    for (const auto& [index, item] : items_) {
      if (item.done.is_null()) refuse("an unfinished item at the end");
      else if (static_cast<size_t>(index) < response["output"].size())
        check(response["output"][static_cast<size_t>(index)] == item.done, "an item is another in the response");
    }
  }

  void add_item(const Json& event) {
    const int index = event["output_index"];
    for (const auto& [other, item] : items_) {
      check(!item.done.is_null(), "two items are open");
      check(item.begun["id"] != event["item"]["id"], "two items have one id");
    }
    check(index == static_cast<int>(items_.size()), "index " + std::to_string(index) + " is repeated or left out");
    const Json& json = event["item"];
    check(json["status"] == "in_progress", "status of an item that began");
    items_[index] = Item{.begun = json, .done = {}, .text = {}};
  }

  void add_part(Item& item, const Json& part) {
    check(!item.part_open, "a second part");
    check(part["type"] == (item.begun["type"] == "message" ? "output_text" : "reasoning_text"), "type of a part");
    check(part["text"] == "", "a part begins with text");
    item.part_open = true;
  }

  void finish_part(Item& item, const Json& part) {
    check(item.text_done && !item.part_done, "a part ends before its text");
    check(part["text"] == item.text, "the text of a part is not that of the deltas");
    item.part_done = true;
  }

  void finish_item(Item& item, const Json& json) {
    check(json["id"] == item.begun["id"] && json["type"] == item.begun["type"], "an item changed its id or type");
    check(json.value("call_id", "") == item.begun.value("call_id", ""), "an item changed its call_id");
    const bool has_parts = item.begun.contains("content");
    check(item.text_done && (item.part_done || !has_parts), "an item ends before its text");
    const char* field = json["type"] == "function_call" ? "arguments" : "input";
    const Json& text = has_parts ? json["content"].at(0)["text"] : json[field];
    check(text == item.text, "the text of an item is not that of the deltas");
    check(json["status"] == "completed" || json["status"] == "incomplete", "status of an item that ended");
    item.done = json;
  }

  std::map<int, Item> items_;
  std::vector<std::string> types_;
  std::vector<Json> events_;
  std::string problem_;
  Json last_;
  bool over_ = false;
};

/// Ids are "1", "2" …
inline ReplyFacts test_facts() {
  ReplyFacts facts;
  facts.id_suffix = "abc";
  facts.model = "gpt-oss-20b";
  facts.created = 1'750'000'000;
  facts.new_id = [next = std::make_shared<int>(0)] { return std::to_string(++*next); };
  return facts;
}

inline Piece piece(Piece::Kind kind, int message, std::string text, int call = -1) {
  Piece out;
  out.kind = kind;
  out.text = std::move(text);
  out.message = message;
  out.call = call;
  return out;
}

}  // namespace mxpath::openai
