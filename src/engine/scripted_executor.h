// For tests: an executor without a model. The next token is a hash of the whole text and the draw; pages are counted
// as the real one's are; time passes as it is told to. What no scheduler may do is written down in `problems`.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "base/text.h"
#include "engine/request.h"

namespace mxpath::test {

inline uint64_t mixed(uint64_t a, uint64_t b) { return Random(a ^ (b * 0x9e3779b97f4a7c15)).next(); }
inline uint64_t hash_of(std::span<const int32_t> text) {
  uint64_t hash = 1;
  for (const int32_t token : text) hash = mixed(hash, static_cast<uint64_t>(token));
  return hash;
}

struct Script {
  int most_sequences = 64, context = 1 << 20, most_tokens = 2048, vocab = 1000;
  int64_t pages = 100'000;
  size_t cached_texts = 16;  // 0: no prefix cache
  double step_seconds = 0.01, decode_seconds = 0.001, read_seconds = 0.0005;
  double slowness = 1;  // what a step takes, by what was predicted
};

class ScriptedExecutor : public Executor {
 public:
  explicit ScriptedExecutor(const Script& what = {}) : script(what) {}

  Script script;
  std::vector<std::string> problems;
  double now = 0;                                                 // seconds
  std::function<Status(std::span<const StepPart>)> on_step;       // asked first
  std::function<Status(std::span<const int32_t> text)> on_open;   // asked first
  std::function<int32_t(const SampleChoice&, int32_t)> on_token;  // may choose another
  uint64_t steps = 0, opens = 0, forks = 0;
  int64_t tokens_read = 0;

  int most_sequences() const override { return script.most_sequences; }
  int context() const override { return script.context; }
  int most_tokens() const override { return script.most_tokens; }
  int64_t pages_for(int64_t tokens) const override { return whole_pages(tokens) + 1; }  // one copied at a fork
  int64_t pages_free() const override { return script.pages - used_ + cached_alone_; }
  int64_t pages() const override { return script.pages; }
  double predicted_seconds(int decoding, int reading) const override {
    return script.step_seconds + decoding * script.decode_seconds + reading * script.read_seconds;
  }

  Result<Opened> open(std::span<const int32_t> text, uint64_t salt) override {
    if (on_open) MXPATH_CHECK(on_open(text));
    const auto [hit, common] = longest_prefix(text, salt);
    Sequence sequence;
    sequence.text.assign(text.begin(), text.begin() + static_cast<ptrdiff_t>(common));
    sequence.hash = hash_of(sequence.text);
    if (common > 0)
      sequence.pages.assign(hit->pages.begin(), hit->pages.begin() + whole_pages(std::ssize(sequence.text)));
    for (const int page : sequence.pages) hold(page, 1, 0);
    ++opens;
    return Opened{insert(std::move(sequence)), std::ssize(sequences_.at(last_id_).text)};
  }
  Result<int> fork(int id) override {
    Sequence copy = sequences_.at(id);
    for (const int page : copy.pages) hold(page, 1, 0);
    ++forks;
    return insert(std::move(copy));
  }
  void keep(int id, std::span<const int32_t> text, uint64_t salt) override {
    const Sequence& sequence = sequences_.at(id);
    if (!std::ranges::equal(text, sequence.text)) problem("keep() of a text that the sequence has not read");
    if (script.cached_texts == 0) return;
    for (const int page : sequence.pages) hold(page, 0, 1);
    cache_.push_front({{text.begin(), text.end()}, salt, sequence.pages});
    while (cache_.size() > script.cached_texts) drop_oldest();
  }
  void close(int id) override {
    if (!sequences_.contains(id)) return problem("close() of a closed sequence");
    for (const int page : sequences_.at(id).pages) hold(page, -1, 0);
    sequences_.erase(id);
  }
  bool has_room(std::span<const StepPart> parts) override { return needed(parts) <= pages_free(); }

  Status step(std::span<const StepPart> parts) override {
    check(parts);
    ++steps;
    int decoding = 0, reading = 0;
    for (const StepPart& part : parts)
      (part.tokens.size() == 1 && part.wants_logits ? decoding : reading) += static_cast<int>(part.tokens.size());
    now += predicted_seconds(decoding, reading) * script.slowness;
    tokens_read += decoding + reading;
    if (on_step) MXPATH_CHECK(on_step(parts));
    for (const int64_t room = needed(parts); script.pages - used_ < room && !cache_.empty();) drop_oldest();
    rows_.clear();
    for (const StepPart& part : parts) read(sequences_.at(part.sequence), part);
    return {};
  }
  Error not_finite(std::span<const int32_t> text) override {
    return fail("the logits at position {} of the text are not finite numbers", text.size() - 1);
  }
  Result<std::vector<Sampled>> sample(std::span<const SampleChoice> choices) override {
    if (choices.size() != rows_.size()) problem("as many choices as rows of logits are needed");
    std::vector<Sampled> out;
    for (size_t i = 0; i < choices.size(); ++i) {
      Sampled s{token_after(rows_[i], choices[i], script.vocab), -0.5f};
      if (on_token) s.token = on_token(choices[i], s.token);
      for (int t = 0; t < choices[i].top.value_or(0); ++t) s.top.emplace_back(t, -1.0f * static_cast<float>(t));
      out.push_back(std::move(s));
    }
    return out;
  }

  /// What the scripted model says next.
  static int32_t token_after(uint64_t hash, const SampleChoice& c, int vocab) {
    if (c.options.temperature > 0) hash = mixed(mixed(mixed(hash, c.options.seed), c.choice), c.index);
    const int ids = c.largest_token < 0 ? vocab : c.largest_token + 1;
    auto token = static_cast<int32_t>(hash % static_cast<uint64_t>(ids));
    while (c.mask && !(c.mask[token / 32] >> (token % 32) & 1)) token = (token + 1) % ids;
    return token;
  }
  size_t open_sequences() const { return sequences_.size(); }
  int64_t used_pages() const { return used_; }
  void clear_cache() {
    while (!cache_.empty()) drop_oldest();
  }

 private:
  struct Page {
    int sequences = 0, caches = 0;
  };
  struct Sequence {
    std::vector<int32_t> text;
    std::vector<int> pages;
    uint64_t hash = 1;
  };
  struct Kept {
    std::vector<int32_t> text;
    uint64_t salt = 0;
    std::vector<int> pages;
  };

  static int64_t whole_pages(int64_t tokens) { return (tokens + 63) / 64; }
  void problem(std::string what) {
    if (problems.size() < 20) problems.push_back(std::move(what));
  }
  int insert(Sequence sequence) {
    sequences_.emplace(++last_id_, std::move(sequence));
    if (std::ssize(sequences_) > script.most_sequences) problem("too many sequences");
    return last_id_;
  }
  void hold(int page, int sequences, int caches) {
    Page& p = pages_.at(static_cast<size_t>(page));
    const auto alone = [&] { return p.sequences == 0 && p.caches > 0 ? 1 : 0; };
    const auto used = [&] { return p.sequences + p.caches > 0 ? 1 : 0; };
    cached_alone_ -= alone(), used_ -= used();
    p.sequences += sequences, p.caches += caches;
    cached_alone_ += alone(), used_ += used();
    if (!used()) free_.push_back(page);
  }
  int take() {
    if (used_ >= script.pages) problem("a step took more pages than there are");
    if (free_.empty()) free_.push_back(static_cast<int>(pages_.size())), pages_.emplace_back();
    const int page = free_.back();
    free_.pop_back();
    hold(page, 1, 0);
    return page;
  }
  bool is_shared(int page) const {
    const Page& p = pages_[static_cast<size_t>(page)];
    return p.sequences + p.caches > 1;
  }
  bool copies(const Sequence& s) const { return s.text.size() % 64 != 0 && is_shared(s.pages.back()); }
  int64_t needed(std::span<const StepPart> parts) const {
    int64_t sum = 0;
    for (const StepPart& part : parts) {
      const Sequence& s = sequences_.at(part.sequence);
      sum += whole_pages(std::ssize(s.text) + std::ssize(part.tokens)) - std::ssize(s.pages) + (copies(s) ? 1 : 0);
    }
    return sum;
  }
  void drop_oldest() {
    for (const int page : cache_.back().pages) hold(page, 0, -1);
    cache_.pop_back();
  }
  std::pair<const Kept*, size_t> longest_prefix(std::span<const int32_t> text, uint64_t salt) const {
    std::pair<const Kept*, size_t> best{nullptr, 0};
    for (const Kept& kept : cache_) {
      const size_t most = kept.salt == salt ? std::min(kept.text.size(), text.size() - 1) : 0;
      const auto differ = std::mismatch(text.begin(), text.begin() + static_cast<ptrdiff_t>(most), kept.text.begin());
      const auto common = static_cast<size_t>(differ.first - text.begin());
      if (common > best.second) best = {&kept, common};
    }
    return best;
  }
  void check(std::span<const StepPart> parts) {
    std::set<int> seen;
    size_t tokens = 0;
    for (const StepPart& part : parts) {
      if (!sequences_.contains(part.sequence)) problem("a step with a closed sequence");
      if (!seen.insert(part.sequence).second) problem("a sequence twice in a step");
      if (part.tokens.empty()) problem("a part without tokens");
      tokens += part.tokens.size();
    }
    if (parts.empty() || tokens > static_cast<size_t>(script.most_tokens))
      problem(fmt::format("a step of {} tokens", tokens));
    if (needed(parts) > pages_free()) problem("a step without room");
  }
  void read(Sequence& s, const StepPart& part) {
    if (copies(s)) {
      hold(s.pages.back(), -1, 0);
      s.pages.back() = take();
    }
    for (const int32_t token : part.tokens) {
      if (s.text.size() % 64 == 0) s.pages.push_back(take());
      s.text.push_back(token);
      s.hash = mixed(s.hash, static_cast<uint64_t>(token));
    }
    if (std::ssize(s.text) > script.context) problem("a sequence longer than the context");
    if (part.wants_logits) rows_.push_back(s.hash);
  }

  std::unordered_map<int, Sequence> sequences_;
  int last_id_ = 0;
  std::vector<Page> pages_;
  std::vector<int> free_;
  int64_t used_ = 0, cached_alone_ = 0;
  std::list<Kept> cache_;
  std::vector<uint64_t> rows_;
};

/// What the scripted model answers, without any scheduler.
inline std::vector<int32_t> answer_alone(const Request& request, int choice, const Script& script) {
  std::vector<int32_t> answer;
  uint64_t hash = hash_of(request.prompt);
  for (;;) {
    const SampleChoice how{.options = request.sampling,
                           .choice = static_cast<uint64_t>(choice),
                           .index = answer.size(),
                           .largest_token = request.largest_token};
    answer.push_back(ScriptedExecutor::token_after(hash, how, script.vocab));
    hash = mixed(hash, static_cast<uint64_t>(answer.back()));
    const bool stop = std::ranges::count(request.stop_tokens, answer.back()) > 0;
    const bool whole = request.max_new_tokens > 0 && std::ssize(answer) >= request.max_new_tokens;
    const bool full = std::ssize(request.prompt) + std::ssize(answer) >= script.context;
    if (stop || whole || full) return answer;
  }
}

}  // namespace mxpath::test
