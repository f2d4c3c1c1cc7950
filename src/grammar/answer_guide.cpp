// AnswerGuide: the state of an answer behind the face that is told whole answers.
#include <algorithm>
#include <chrono>

#include "grammar/answer_state.h"
#include "grammar/shared_grammars.h"

namespace mxpath::grammar {
namespace {

using Clock = std::chrono::steady_clock;

class Guide : public AnswerGuide {
 public:
  Guide(std::shared_ptr<const SharedGrammars> grammars, std::shared_ptr<const AnswerRules> rules)
      : grammars_(std::move(grammars)), rules_(std::move(rules)), state_(grammars_->words(), *rules_) {}

  const uint32_t* mask(std::span<const Token> answer) override {
    const Clock::time_point start = Clock::now();
    tell(answer);
    const TokenMask& mask = state_.mask();
    seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
    ++masks_;
    return mask.data();
  }

  std::pair<double, int64_t> cost() const override { return {seconds_, masks_}; }

 private:
  void tell(std::span<const Token> answer) {
    const bool goes_on = answer.size() >= told_.size() && std::equal(told_.begin(), told_.end(), answer.begin());
    if (!goes_on) {
      told_.clear();
      state_.restart();
    }
    const std::span<const Token> fresh = answer.subspan(told_.size());
    for (const Token token : fresh) state_.accept(token);
    told_.insert(told_.end(), fresh.begin(), fresh.end());
  }

  std::shared_ptr<const SharedGrammars> grammars_;
  std::shared_ptr<const AnswerRules> rules_;
  AnswerState state_;
  std::vector<Token> told_;
  double seconds_ = 0;
  int64_t masks_ = 0;
};

}  // namespace

std::unique_ptr<AnswerGuide> AnswerGuide::create(std::shared_ptr<Grammars> grammars,
                                                 std::shared_ptr<const AnswerRules> rules) {
  auto shared = std::dynamic_pointer_cast<const SharedGrammars>(grammars);
  if (!shared) return nullptr;
  return std::make_unique<Guide>(std::move(shared), std::move(rules));
}

}  // namespace mxpath::grammar
