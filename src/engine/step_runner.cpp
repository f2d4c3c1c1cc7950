#include "engine/step_runner.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "plan/workspace.h"

namespace mxpath {
namespace {

/// Decode steps of up to so many sequences are recorded, for 1, 2, 4 … of them.
constexpr int most_recorded = 64;

}  // namespace

Result<StepRunner> StepRunner::create(const Model& model, ThreadPool& threads) {
  StepRunner runner;
  runner.model_ = &model;
  MXPATH_TRY(runner.state_, State::create(model.config, model.plan));
  runner.state_.threads = &threads;
  MXPATH_TRY(runner.cache_, KvCache::create(model.plan));
  return runner;
}

KvCache::Streams StepRunner::streams() {
  KvCache::Streams streams;
  for (Room& room : state_.rooms) streams[room.device] = &room.stream;
  return streams;
}

Result<Batch> StepRunner::batch_of(std::span<const Part> parts, std::span<const PageCopy> copies) {
  const KvCache::Streams to = streams();
  MXPATH_CHECK(cache_.copy(copies, to));
  tokens_.clear(), positions_.clear(), slots_.clear(), last_.clear();
  rows_.clear(), starts_.assign(parts.size(), 0);
  int singles = 0;
  // Those that bring one token go first: attention takes them on their own beside a prompt.
  for (const bool single : {true, false})
    for (const Part& part : parts) {
      if ((part.tokens.size() == 1) != single) continue;
      starts_[static_cast<size_t>(&part - parts.data())] = static_cast<int>(tokens_.size());
      MXPATH_CHECK(cache_.set_table(part.sequence->slot, part.sequence->pages, to));
      const int64_t begin = part.sequence->pages.length() - std::ssize(part.tokens);
      for (size_t i = 0; i < part.tokens.size(); ++i)
        positions_.push_back(static_cast<int32_t>(begin) + static_cast<int32_t>(i));
      tokens_.insert(tokens_.end(), part.tokens.begin(), part.tokens.end());
      slots_.resize(tokens_.size(), part.sequence->slot);
      singles += single;
      if (part.wants_logits) last_.push_back(static_cast<int32_t>(tokens_.size()) - 1);
    }
  // The i-th part that wants logits, in the order of the parts, and its place among them all.
  int first = 0, later = static_cast<int>(std::ranges::count_if(
                     parts, [](const Part&part) { return part.wants_logits && part.tokens.size() == 1; }));
  for (const Part& part : parts)
    if (part.wants_logits) rows_.push_back(part.tokens.size() == 1 ? first++ : later++);
  return Batch{.tokens = tokens_,
               .positions = positions_,
               .slots = slots_,
               .kv = cache_.layers(),
               .sequences = static_cast<int>(parts.size()),
               .singles = singles};
}

Status StepRunner::run(std::span<const Part> parts, std::span<const PageCopy> copies) {
  MXPATH_TRY(Batch batch, batch_of(parts, copies));
  const int count = static_cast<int>(tokens_.size());
  const bool decode = batch.singles == count && std::ssize(last_) == count;
  if (decode && count <= most_recorded && model_->plan.placement.all_on_one_gpu()) {
    // Up to a size that is recorded the first token runs again and again: it writes what it wrote, and nobody reads the
    // logits.
    const int padded =
        std::min(static_cast<int>(std::bit_ceil(static_cast<unsigned>(count))), logit_rows_of(model_->plan));
    for (auto* values : {&tokens_, &positions_, &slots_}) values->resize(static_cast<size_t>(padded), values->front());
    batch.tokens = tokens_, batch.positions = positions_, batch.slots = slots_;
    batch.singles = batch.sequences = padded;
    stage(*model_, state_, batch);
    return run_recorded(padded);
  }
  forward(*model_, state_, batch);
  if (!last_.empty()) head(*model_, state_, last_);
  return state_.status();
}

Status StepRunner::run_recorded(int rows) {
  const auto work = [this, rows] {
    run_layers(*model_, state_);
    head(*model_, state_, 0, rows);
  };
  Stream& stream = *state_.on(model_->plan.placement.head()).stream;
  Recorded& of = recorded_[rows];
  // The first alone loads the kernels, which recording must not do.
  if (!of.graph && of.eager++ == 1) {
    Trace* outer = std::exchange(state_.trace, &of.rows);
    auto recorded = CudaGraph::record(stream, work);
    state_.trace = outer;
    if (recorded.ok()) of.graph = std::move(recorded).value();
    MXPATH_CHECK(state_.status());
  }
  if (!of.graph) {
    work();
    return state_.status();
  }
  of.graph.launch(stream);
  if (state_.trace) state_.trace->insert(state_.trace->end(), of.rows.begin(), of.rows.end());
  return state_.status();
}

Result<std::span<const float>> StepRunner::logits(int row) {
  const size_t vocab = static_cast<size_t>(model_->config.vocab);
  const Activations &there = state_.on(model_->plan.placement.head()), &here = state_.on(cpu_device);
  const size_t at = static_cast<size_t>(row) * vocab;
  if (there.logits != here.logits)
    MXPATH_CHECK(there.stream->copy_out(here.logits + at, there.logits + at, vocab * sizeof(float)));
  return std::span<const float>(here.logits + at, vocab);
}

Result<std::span<const float>> StepRunner::logits_of_tokens(int first, int count) {
  head(*model_, state_, first, count);
  MXPATH_TRY(const float* logits, read_logits(*model_, state_, count));
  return std::span(logits, static_cast<size_t>(count) * static_cast<size_t>(model_->config.vocab));
}

}  // namespace mxpath
