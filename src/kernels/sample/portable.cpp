#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/cuda_row.h"
#include "kernels/rows.h"
#include "kernels/sample/cut.h"
#include "kernels/sample/device_row.h"
#include "kernels/sample/sample.h"
#include "kernels/scratch.h"
#include "kernels/simd/exp.h"

namespace mxpath {

MXPATH_CUDA_ROW(sample_cuda_portable, SampleArgs)

namespace {

constexpr float nothing = -std::numeric_limits<float>::infinity();

/// The largest, and 0 if all are finite: a NaN or an infinity times 0 is NaN, and so is every sum
/// with it.
struct Largest {
  float logit = nothing, odd = 0;
};
Largest largest_of(std::span<const float> logits) {
  Float4 most = Float4{} + nothing, odd = {};
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) {
    const Float4 x = *reinterpret_cast<const Float4*>(logits.data() + i);
    most = x > most ? x : most, odd += x * 0.0f;
  }
  Largest out{std::max(std::max(most[0], most[1]), std::max(most[2], most[3])), (odd[0] + odd[1]) + (odd[2] + odd[3])};
  for (; i < logits.size(); ++i) out.logit = logits[i] > out.logit ? logits[i] : out.logit, out.odd += logits[i] * 0;
  return out;
}

/// What one thread keeps: the logits that a row chooses among, and room for candidates.
struct Room {
  std::span<float> logits;
  std::span<TokenLogit> candidates;
};
size_t room_bytes(size_t vocab) { return (vocab * (sizeof(TokenLogit) + sizeof(float)) + 63) / 64 * 64; }
Room room_at(void* scratch, size_t vocab) {
  TokenLogit* candidates = static_cast<TokenLogit*>(scratch);
  return {{reinterpret_cast<float*>(candidates + vocab), vocab}, {candidates, vocab}};
}

/// Logits as penalties and the mask of the row change them: minus infinity for what may not be chosen.
std::span<const float> changed(const SampleArgs& args, const SampleRow& row, std::span<const float> logits,
                               std::span<float> copy) {
  if (!is_penalised(row) && row.mask < 0) return logits;
  copy = copy.first(logits.size());
  std::ranges::copy(logits, copy.begin());
  for (int i = row.seen_first; i < row.seen_first + row.seen_count; ++i)
    if (const auto [token, count] = args.seen[i]; token >= 0 && static_cast<size_t>(token) < logits.size())
      copy[static_cast<size_t>(token)] = penalised(logits[static_cast<size_t>(token)], row, count);
  if (row.mask < 0) return copy;
  const uint32_t* mask = args.masks + row.mask * args.mask_stride;
  for (size_t id = 0; id < copy.size(); ++id)
    if (!(mask[id / 32] >> id % 32 & 1)) copy[id] = nothing;
  return copy;
}

/// largest: of the logits as they came.
int32_t token_of(const SampleArgs& args, const SampleRow& row, std::span<const float> logits, float largest,
                 const Room& room) {
  const std::span<const float> x = changed(args, row, logits, room.logits);
  if (x.data() != logits.data()) largest = largest_of(x).logit;
  if (largest == nothing) return -2;
  if (is_greedy(row)) return static_cast<int32_t>(std::find(x.begin(), x.end(), largest) - x.begin());
  const Softmax softmax = softmax_of(largest, row.temperature);
  return choose(x, softmax, cut_of(x, softmax, row, room.candidates), row.random);
}

/// log Σ e^logit.
double log_sum(std::span<const float> logits, float largest) {
  double sum = 0;
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) {
    const Float4 e = exp_f32(*reinterpret_cast<const Float4*>(logits.data() + i) - largest);
    sum += static_cast<double>((e[0] + e[2]) + (e[1] + e[3]));
  }
  for (; i < logits.size(); ++i) sum += static_cast<double>(exp_f32(logits[i] - largest));
  return static_cast<double>(largest) + std::log(sum);
}

/// The log-probabilities that the call wants of a row. log_sum: infinite where there are none.
void report(const SampleArgs& args, size_t r, std::span<const float> logits, double log_sum, const Room& room) {
  const auto logprob = [&](float logit) { return static_cast<float>(static_cast<double>(logit) - log_sum); };
  if (args.logprob) args.logprob[r] = args.token[r] < 0 ? nothing : logprob(logits[static_cast<size_t>(args.token[r])]);
  if (args.top <= 0) return;
  const size_t top = static_cast<size_t>(args.top), first = r * top;
  std::span<TokenLogit> best;
  if (std::isfinite(log_sum)) best = candidates_for_top(logits, top, room.candidates);
  const size_t count = std::min(top, best.size());
  std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count), best.end(), before);
  for (size_t i = 0; i < top; ++i) {
    args.top_token[first + i] = i < count ? best[i].id : -1;
    args.top_logprob[first + i] = i < count ? logprob(best[i].logit) : nothing;
  }
}

void sample_row(const SampleArgs& args, size_t r, const Room& room) {
  const std::span<const float> all(args.logits + static_cast<int64_t>(r) * args.logits_stride,
                                   static_cast<size_t>(args.vocab)),
      logits = all.first(static_cast<size_t>(choosable(args)));
  const Largest largest = largest_of(logits), beyond = largest_of(all.subspan(logits.size()));
  const bool finite = largest.odd == 0 && beyond.odd == 0, wants_sum = finite && (args.logprob || args.top > 0);
  args.token[r] = finite ? token_of(args, args.row[r], logits, largest.logit, room) : -1;
  report(args, r, logits, wants_sum ? log_sum(all, std::max(largest.logit, beyond.logit)) : double{INFINITY}, room);
}

void sample_portable(const SampleArgs& args) {
  const size_t rows = static_cast<size_t>(std::max(args.rows, 0)), vocab = static_cast<size_t>(args.vocab);
  const size_t shares = args.threads ? std::min(rows, static_cast<size_t>(args.threads->size())) : 1;
  const auto run = [&](size_t begin, size_t end, int) {
    for (size_t share = begin; share < end; ++share) {
      const Room room = room_at(static_cast<uint8_t*>(args.scratch) + share * room_bytes(vocab), vocab);
      for (size_t r = share; r < rows; r += shares) sample_row(args, r, room);
    }
  };
  if (shares > 1) args.threads->for_range(shares, 1, run);
  else run(0, shares, 0);
}

/// Room for each thread that has a row.
size_t sample_scratch(const Site& site, const Call& call, int threads) {
  return room_bytes(static_cast<size_t>(site.n)) * static_cast<size_t>(std::max(std::min(call.tokens, threads), 1));
}

size_t sample_cuda_scratch(const Site& site, const Call& call, int) {
  return device_row_bytes(static_cast<int>(site.n)) * static_cast<size_t>(call.tokens);
}

constexpr KernelPath paths[] = {
    {.name = "sample.cpu.portable.f32",
     .op = Op::sample,
     .unit = Unit::scalar,
     .efficiency = 0.05,
     .batch_invariant = true,
     .thread_invariant = true,
     .scratch = sample_scratch,
     .run = sample_portable},
    {.name = "sample.cuda.portable.f32",
     .op = Op::sample,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.3,
     .launches = 4,
     .batch_invariant = true,
     .thread_invariant = true,
     .built = cuda_built,
     .scratch = sample_cuda_scratch,
     .run = sample_cuda_portable,
     .images = sample_cuda_portable_images},
};

}  // namespace

SiteCall call_of(const SampleArgs& args) {
  return {Site{.id = SiteId::sample, .n = args.vocab}, Call{.tokens = args.rows, .sequences = args.rows}};
}

std::span<const KernelPath> sample_paths() { return paths; }

}  // namespace mxpath
