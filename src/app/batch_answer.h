// What one line of a batch has heard so far, and the line that it becomes.
#pragma once
#include <vector>

#include "app/answer_builder.h"
#include "app/batch_line.h"
#include "engine/request.h"

namespace mxpath {

/// Not movable, as its builder.
class BatchAnswer {
 public:
  /// The tokenizer must outlive the answer.
  BatchAnswer(BatchQuestion question, const Tokenizer& tokenizer, AnswerFormat format);

  /// True: the answer is over, whatever the scheduler thinks, because a text to stop at came or another role speaks.
  bool hear(Token token);
  /// Everything but what stands in front of each line. Once, at the end.
  Json result(const Ended& end);

 private:
  BatchQuestion question_;
  std::vector<Token> tokens_;
  AnswerBuilder builder_;
};

}  // namespace mxpath
