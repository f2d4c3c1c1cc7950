#include "engine/model_executor.h"

#include <algorithm>
#include <utility>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {

Result<std::unique_ptr<ModelExecutor>> ModelExecutor::create(const Model& model, ThreadPool& threads) {
  MXPATH_TRY(StepRunner runner, StepRunner::create(model, threads));
  std::unique_ptr<ModelExecutor> executor(new ModelExecutor(std::move(runner)));
  MXPATH_TRY(executor->sampler_, Sampler::create(model));
  KvCache& cache = executor->runner_.cache();
  executor->prefixes_ = std::make_unique<PrefixCache>(cache.shape(), cache.pools());
  executor->sequences_.resize(static_cast<size_t>(model.plan.sequences));
  return executor;
}

Result<int> ModelExecutor::free_slot() const {
  const auto free = std::ranges::find_if(sequences_, [](const auto& one) { return !one.has_value(); });
  if (free == sequences_.end())
    return fail("{} are open, which is all there is room for; choose {}", plural(sequences_.size(), "sequence"),
                mention(Knob::sequences, 2 * sequences_.size()));
  return static_cast<int>(free - sequences_.begin());
}

Result<Opened> ModelExecutor::open(std::span<const int32_t> text, uint64_t salt) {
  MXPATH_TRY(const int slot, free_slot());
  SequencePages pages = prefixes_->find(text, std::max<int64_t>(std::ssize(text) - 1, 0), salt);
  const int64_t reused = pages.length();
  sequences_[static_cast<size_t>(slot)] = SequenceSlot{slot, std::move(pages)};
  return Opened{slot, reused};
}

Result<int> ModelExecutor::open_empty() {
  MXPATH_TRY(const int slot, free_slot());
  KvCache& cache = runner_.cache();
  sequences_[static_cast<size_t>(slot)] = SequenceSlot{slot, SequencePages(cache.shape(), cache.pools())};
  return slot;
}

Result<int> ModelExecutor::fork(int sequence) {
  MXPATH_TRY(const int slot, free_slot());
  sequences_[static_cast<size_t>(slot)] = SequenceSlot{slot, at(sequence).pages.fork()};
  return slot;
}

void ModelExecutor::keep(int sequence, std::span<const int32_t> text, uint64_t salt) {
  prefixes_->insert(text, at(sequence).pages, salt);
}

void ModelExecutor::close(int sequence) { sequences_[static_cast<size_t>(sequence)].reset(); }

bool ModelExecutor::has_room(std::span<const StepPart> parts) {
  const std::span<PagePool> pools = runner_.cache().pools();
  for (int pool = 0; pool < std::ssize(pools); ++pool) {
    const auto needed = [&] {
      int64_t pages = 0;
      for (const StepPart& part : parts)
        pages += at(part.sequence).pages.pages_to_extend(std::ssize(part.tokens), pool);
      return static_cast<int32_t>(pages);
    };
    if (prefixes_->make_room(pool, needed())) continue;
    // What is left of the cache is held by sequences too: without it they need not copy what they write.
    prefixes_->clear();
    if (pools[static_cast<size_t>(pool)].free() < needed()) return false;
  }
  return true;
}

int64_t ModelExecutor::pages_for(int64_t tokens) const {
  const KvCache& cache = runner_.cache();
  int64_t most = 0;
  for (int pool = 0; pool < cache.pool_count(); ++pool) most = std::max(most, cache.pages_for(pool, tokens));
  return most;
}

int64_t ModelExecutor::pages_free() const {
  const KvCache& cache = runner_.cache();
  int64_t least = pages();
  for (int pool = 0; pool < cache.pool_count(); ++pool)
    least = std::min<int64_t>(least, cache.pool(pool).free() + prefixes_->pages_alone(pool));
  return least;
}

int64_t ModelExecutor::pages() const {
  const KvCache& cache = runner_.cache();
  int64_t least = cache.pool(0).size();
  for (int pool = 1; pool < cache.pool_count(); ++pool) least = std::min<int64_t>(least, cache.pool(pool).size());
  return least;
}

double ModelExecutor::predicted_seconds(int decoding, int reading) const {
  return prices_.seconds(decoding + reading, std::max(decoding, 1));
}

Status ModelExecutor::take_pages(std::span<const StepPart> parts, std::vector<PageCopy>& copies) {
  const auto no_room = [&] {
    return fail("no page of keys and values is left for {}; choose a larger {} or fewer {}",
                plural(parts.size(), "sequence"), mention(Knob::kv_memory), mention(Knob::sequences));
  };
  if (!has_room(parts)) return no_room();
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t count = std::ssize(parts[i].tokens);
    if (at(parts[i].sequence).pages.extend(count, copies)) continue;
    // Two forks that write the same page need one more than each of them alone.
    const std::span<PagePool> pools = runner_.cache().pools();
    for (int pool = 0; pool < std::ssize(pools); ++pool)
      (void)prefixes_->make_room(pool, static_cast<int32_t>(at(parts[i].sequence).pages.pages_to_extend(count, pool)));
    if (!at(parts[i].sequence).pages.extend(count, copies)) return no_room();
  }
  return {};
}

Status ModelExecutor::step(std::span<const StepPart> parts) {
  std::vector<PageCopy> copies;
  MXPATH_CHECK(take_pages(parts, copies));
  std::vector<StepRunner::Part> run;
  for (const StepPart& part : parts) run.push_back({&at(part.sequence), part.tokens, part.wants_logits});
  MXPATH_CHECK(runner_.run(run, copies));
  for (const StepPart& part : parts) at(part.sequence).pages.drop_behind_windows();
  return {};
}

Result<std::vector<Sampled>> ModelExecutor::sample(std::span<const SampleChoice> choices) {
  std::vector<int> rows;
  for (size_t i = 0; i < choices.size(); ++i) rows.push_back(runner_.row_of(i));
  return sampler_.sample(runner_.model(), runner_.state(), choices, rows, runner_.rows());
}

PageBytes ModelExecutor::page_bytes() {
  KvCache& cache = runner_.cache();
  PageBytes bytes;
  for (int pool = 0; pool < cache.pool_count(); ++pool) bytes.size.push_back(cache.page_bytes(pool));
  bytes.read = [&cache, streams = runner_.streams()](int pool, PageId page, std::span<uint8_t> to) {
    return cache.read(pool, page, to, streams);
  };
  bytes.write = [&cache, streams = runner_.streams()](int pool, PageId page, std::span<const uint8_t> from) {
    return cache.write(pool, page, from, streams);
  };
  return bytes;
}

Status ModelExecutor::save_prefixes(const std::string& path, const PrefixFileKey& key) {
  return write_prefixes(path, key, runner_.cache().shape(), *prefixes_, page_bytes());
}

Result<int64_t> ModelExecutor::load_prefixes(const std::string& path, const PrefixFileKey& key) {
  KvCache& cache = runner_.cache();
  return read_prefixes(path, key, context(), cache.shape(), cache.pools(), *prefixes_, page_bytes());
}

Result<ModelExecutor::Search> ModelExecutor::search(SequenceSlot& spare, std::span<const int32_t> text) {
  const size_t chunk = static_cast<size_t>(model().plan.chunk);
  for (size_t begin = 0; begin < text.size(); begin += chunk) {
    const auto part = text.subspan(begin, std::min(chunk, text.size() - begin));
    std::vector<PageCopy> copies;
    for (int pool = 0; pool < runner_.cache().pool_count(); ++pool)
      (void)prefixes_->make_room(pool, static_cast<int32_t>(spare.pages.pages_to_extend(std::ssize(part), pool)));
    if (!spare.pages.extend(std::ssize(part), copies)) return Search{.whole = false};
    const StepRunner::Part run{&spare, part, false};
    MXPATH_TRY(const Batch batch, runner_.batch_of({&run, 1}, copies));
    MXPATH_TRY(const auto found, find_not_finite(model(), runner_.state(), batch));
    if (found) return Search{.whole = true, .found = found};
    spare.pages.drop_behind_windows();
  }
  return Search{.whole = true};
}

Error ModelExecutor::not_finite(std::span<const int32_t> text) {
  prefixes_->clear();  // what was read may be wrong too
  KvCache& cache = runner_.cache();
  SequenceSlot spare{most_sequences(), SequencePages(cache.shape(), cache.pools())};
  Trace* trace = std::exchange(runner_.state().trace, nullptr);
  const auto found = search(spare, text);
  runner_.state().trace = trace;
  if (!found.ok()) return found.error();
  const std::string what = fmt::format("the logits at position {} of the text are not finite numbers", text.size() - 1);
  if (!found->whole)
    return fail("{}; other sequences hold the memory to see where that begins: try it alone, with {}", what,
                mention(Knob::sequences, 1));
  return fail("{}: {}; {}", what, describe(found->found), cause_of(found->found, model().plan));
}

}  // namespace mxpath
