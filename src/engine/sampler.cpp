#include "engine/sampler.h"

#include <algorithm>
#include <map>

#include "base/random.h"
#include "model/dispatch.h"
#include "plan/memory.h"
#include "plan/workspace.h"

namespace mxpath {
namespace {

SampleRow row_of(const SampleChoice& choice) {
  const SamplingOptions& o = choice.options;
  SampleRow row{.temperature = o.temperature, .top_p = o.top_p, .min_p = o.min_p, .top_k = o.top_k};
  row.repetition_penalty = o.repetition_penalty, row.presence_penalty = o.presence_penalty;
  row.frequency_penalty = o.frequency_penalty;
  row.random = o.temperature > 0 ? draw(o.seed, choice.choice, choice.index) : 0;
  return row;
}

bool has_penalty(const SamplingOptions& o) {
  return o.repetition_penalty != 1 || o.presence_penalty != 0 || o.frequency_penalty != 0;
}

int32_t largest_of(const SampleChoice& choice, const Model& model) {
  const int32_t last = model.config.vocab - 1;
  return choice.largest_token < 0 ? last : std::min(last, choice.largest_token);
}

/// The mask with nothing above `largest`, which may be all there is to it.
void write_mask(std::span<uint32_t> words, const uint32_t* mask, int32_t largest) {
  if (mask) std::copy_n(mask, words.size(), words.begin());
  else std::ranges::fill(words, ~0u);
  const auto last = static_cast<size_t>(largest / 32);
  words[last] &= ~0u >> (31 - largest % 32);
  std::ranges::fill(words.subspan(last + 1), 0u);
}

bool same(const SampleRow& a, const SampleRow& b) {
  return a.temperature == b.temperature && a.top_p == b.top_p && a.min_p == b.min_p && a.top_k == b.top_k &&
         a.seen_count == 0 && b.seen_count == 0 && a.mask < 0 && b.mask < 0 && a.random == b.random;
}

}  // namespace

Result<Sampler> Sampler::create(const Model& model) {
  Sampler sampler;
  sampler.most_rows_ = logit_rows_of(model.plan);
  sampler.most_seen_ = model.plan.context;
  sampler.mask_words_ = (model.config.vocab + 31) / 32;
  const Arrays ends = sampler.lay_out(nullptr);
  sampler.results_at_ = reinterpret_cast<size_t>(ends.token);
  sampler.bytes_ = reinterpret_cast<size_t>(ends.top_logprob) +
                   static_cast<size_t>(sampler.most_rows_ * most_top_tokens) * sizeof(float);
  sampler.host_.resize(sampler.bytes_);
  const DeviceId head = model.plan.placement.head();
  if (head.is_gpu()) {
    MXPATH_TRY(sampler.device_, Memory::allocate(head, sampler.bytes_));
  }
  return sampler;
}

Sampler::Arrays Sampler::lay_out(uint8_t* memory) const {
  size_t at = 0;
  const auto next = [&]<class T>(T*& array, int64_t count) {
    array = reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(memory) + at);  // of no memory: the distance
    at += (static_cast<size_t>(count) * sizeof(T) + 15) / 16 * 16;
  };
  Arrays a;
  next(a.rows, most_rows_);
  next(a.seen, most_seen_);
  next(a.masks, most_rows_ * mask_words_);
  next(a.token, most_rows_);
  next(a.logprob, most_rows_);
  next(a.top_token, int64_t{most_rows_} * most_top_tokens);
  next(a.top_logprob, int64_t{most_rows_} * most_top_tokens);
  return a;
}

Sampler::Wanted Sampler::fill(const Model& model, std::span<const SampleChoice> choices, std::span<const int> rows,
                              int row_count) {
  const Arrays a = lay_out(host_.data());
  Wanted wanted{.rows = row_count};
  seen_.clear();
  for (const SampleChoice& choice : choices) wanted.largest = std::max(wanted.largest, largest_of(choice, model));
  for (size_t i = 0; i < choices.size(); ++i) {
    const SampleChoice& choice = choices[i];
    SampleRow row = row_of(choice);
    // The kernels know one largest token for all rows; a mask keeps what is smaller of one from the others.
    if (const int32_t largest = largest_of(choice, model); choice.mask || largest < wanted.largest) {
      row.mask = wanted.masks++;
      write_mask({a.masks + row.mask * mask_words_, static_cast<size_t>(mask_words_)}, choice.mask, largest);
    }
    if (has_penalty(choice.options)) {
      std::map<int32_t, int32_t> counts;
      for (const int32_t token : choice.seen)
        if (token >= 0 && token < model.config.vocab) ++counts[token];
      row.seen_first = static_cast<int>(seen_.size()), row.seen_count = static_cast<int>(counts.size());
      for (const auto& [token, count] : counts) seen_.push_back({token, count});
    }
    wanted.top = std::max(wanted.top, choice.top.value_or(0)), wanted.logprobs |= choice.top.has_value();
    a.rows[rows[i]] = row;
  }
  return wanted;
}

Status Sampler::run_on_gpu(State& state, const SitePlan& site, const Wanted& wanted, SampleArgs args) {
  const Arrays here = lay_out(host_.data()), there = lay_out(device_.data());
  const auto send = [&](auto* to, const auto* from, int64_t count) {
    return args.stream->copy_in(to, from, static_cast<size_t>(count) * sizeof *from);
  };
  // A greedy row is what it was the step before: nothing is sent then.
  const std::span rows(here.rows, static_cast<size_t>(wanted.rows));
  if (!std::ranges::equal(rows, sent_, same)) {
    MXPATH_CHECK(send(there.rows, here.rows, wanted.rows));
    sent_.assign(rows.begin(), rows.end());
  }
  if (!seen_.empty()) {
    MXPATH_CHECK(send(there.seen, seen_.data(), std::ssize(seen_)));
  }
  if (wanted.masks > 0) {
    MXPATH_CHECK(send(there.masks, here.masks, wanted.masks * mask_words_));
  }
  args.row = there.rows, args.seen = there.seen, args.masks = there.masks;
  args.token = there.token, args.logprob = wanted.logprobs ? there.logprob : nullptr;
  args.top_token = there.top_token, args.top_logprob = there.top_logprob;
  run(site, {.tokens = wanted.rows, .sequences = wanted.rows}, args, state.trace);
  // The top tokens lie behind the tokens and their log-probabilities: one copy brings what is wanted.
  const size_t bytes =
      wanted.top > 0
          ? bytes_ - results_at_
          : static_cast<size_t>(reinterpret_cast<uint8_t*>(there.top_token) - reinterpret_cast<uint8_t*>(there.token));
  return args.stream->copy_out(here.token, there.token, bytes);
}

Result<std::vector<Sampled>> Sampler::sample(const Model& model, State& state, std::span<const SampleChoice> choices,
                                             std::span<const int> rows, int row_count) {
  const Wanted wanted = fill(model, choices, rows, row_count);
  const Arrays here = lay_out(host_.data());
  const DeviceId head = model.plan.placement.head();
  const bool fits = std::ssize(seen_) <= most_seen_;
  const SitePlan* gpu = head.is_gpu() && fits ? model.plan.find(SiteId::sample, LayerSet::outside, head) : nullptr;
  const Activations& at = state.on(gpu ? head : cpu_device);
  SampleArgs args{.logits = at.logits,
                  .logits_stride = model.config.vocab,
                  .rows = row_count,
                  .vocab = model.config.vocab,
                  .largest_token = wanted.largest,
                  .row = here.rows,
                  .seen = seen_.data(),
                  .masks = here.masks,
                  .mask_stride = mask_words_,
                  .top = wanted.top,
                  .scratch = at.scratch,
                  .token = here.token,
                  .logprob = wanted.logprobs ? here.logprob : nullptr,
                  .top_token = here.top_token,
                  .top_logprob = here.top_logprob,
                  .threads = state.threads,
                  .stream = at.stream};
  if (gpu) {
    MXPATH_CHECK(run_on_gpu(state, *gpu, wanted, args));
  } else {
    MXPATH_TRY(args.logits, read_logits(model, state, row_count));
    run(*model.plan.find(SiteId::sample, LayerSet::outside, cpu_device),
        {.tokens = wanted.rows, .sequences = wanted.rows}, args, state.trace);
  }
  std::vector<Sampled> out;
  for (size_t i = 0; i < choices.size(); ++i) {
    const int r = rows[i];
    Sampled sampled{here.token[r], choices[i].top ? here.logprob[r] : 0, {}};
    for (int j = 0; j < choices[i].top.value_or(0); ++j) {
      const int at_top = r * wanted.top + j;
      const int32_t token = here.top_token[at_top];
      if (token >= 0 && token <= largest_of(choices[i], model))
        sampled.top.emplace_back(token, here.top_logprob[at_top]);
    }
    out.push_back(std::move(sampled));
  }
  return out;
}

}  // namespace mxpath
