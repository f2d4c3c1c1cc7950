// What one line of a batch has heard so far, and the line that it becomes.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/answer.h"
#include "app/batch_line.h"
#include "engine/request.h"

namespace mxpath {

/// Not movable: the stream points at it.
class BatchAnswer {
 public:
  /// The tokenizer must outlive the answer.
  BatchAnswer(BatchQuestion question, const Tokenizer& tokenizer);
  BatchAnswer(const BatchAnswer&) = delete;
  BatchAnswer& operator=(const BatchAnswer&) = delete;

  const BatchQuestion& question() const { return question_; }
  /// True: the answer is over, whatever the scheduler thinks, because a text to stop at came or another role speaks.
  bool hear(Token token);
  /// Everything but what stands in front of each line. Once, at the end.
  Json result(const Ended& end);

 private:
  void say(std::string_view text);
  Answer parsed(const Ended& end);
  void cut(std::string& text) const;

  BatchQuestion question_;
  const Tokenizer& tokenizer_;
  std::vector<Token> tokens_;
  std::string said_;  // text for the user
  bool stop_said_ = false;
  Utf8Stream raw_;
  std::function<void(const Delta&)> sink_;
  std::optional<DeltaStream> stream_;
};

}  // namespace mxpath
