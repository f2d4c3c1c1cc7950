#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/cuda_row.h"
#include "kernels/rows.h"
#include "kernels/sample/sample.h"
#include "kernels/scratch.h"
#include "kernels/simd/exp.h"

namespace mxpath {

MXPATH_CUDA_ROW(sample_cuda_portable, SampleArgs)

namespace {

struct Choice {
  float likelihood;  // e^((logit - largest) / temperature): the most likely has 1
  int32_t token;
};

/// More likely first, lower id among equals: a total order, so that results do not depend on the sort.
bool before(const Choice& a, const Choice& b) {
  return a.likelihood != b.likelihood ? a.likelihood > b.likelihood : a.token < b.token;
}
bool after(const Choice& a, const Choice& b) { return before(b, a); }

/// The largest, and 0 if all are finite: the difference of a NaN or an infinity with itself is NaN, and so is every sum
/// with it.
struct Largest {
  float logit = -INFINITY, odd = 0;
};
Largest largest_of(std::span<const float> logits) {
  Float4 most = Float4{} - INFINITY, odd = {};
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) {
    const Float4 x = *reinterpret_cast<const Float4*>(logits.data() + i);
    most = x > most ? x : most, odd += x - x;
  }
  Largest out{std::max(std::max(most[0], most[1]), std::max(most[2], most[3])), (odd[0] + odd[1]) + (odd[2] + odd[3])};
  for (; i < logits.size(); ++i)
    out.logit = logits[i] > out.logit ? logits[i] : out.logit, out.odd += logits[i] - logits[i];
  return out;
}

/// The first of the largest among the first `count`; -1 if any of them all is not finite.
int32_t most_likely(std::span<const float> logits, size_t count) {
  const Largest largest = largest_of(logits.first(count));
  if (largest.odd != 0 || largest_of(logits.subspan(count)).odd != 0) return -1;
  return static_cast<int32_t>(std::find(logits.begin(), logits.end(), largest.logit) - logits.begin());
}

/// likelihoods[i] = e^((logit - largest) / temperature). Returns their sum.
double likelihoods_of(std::span<const float> logits, float largest, float temperature, float* likelihoods) {
  const float inverse = 1.0f / temperature;
  double sum = 0;
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) {
    const Float4 x = *reinterpret_cast<const Float4*>(logits.data() + i), e = exp_f32((x - largest) * inverse);
    // The largest itself: where 1 / temperature is infinite, 0 times that is no number.
    const Float4 likelihood = x >= largest ? Float4{} + 1.0f : e;
    *reinterpret_cast<Float4*>(likelihoods + i) = likelihood;
    sum += (likelihood[0] + likelihood[2]) + (likelihood[1] + likelihood[3]);
  }
  for (; i < logits.size(); ++i) {
    sum += likelihoods[i] = logits[i] >= largest ? 1.0f : exp_f32((logits[i] - largest) * inverse);
  }
  return sum;
}

double sum_of(std::span<const Choice> choices) {
  double sum = 0;
  for (const Choice& choice : choices) sum += choice.likelihood;
  return sum;
}

std::span<Choice> cut_top_k(std::span<Choice> choices, int top_k) {
  if (top_k <= 0 || static_cast<size_t>(top_k) >= choices.size()) return choices;
  const auto end = choices.begin() + top_k;
  std::nth_element(choices.begin(), end - 1, choices.end(), before);
  return {choices.begin(), end};
}

/// The fewest whose likelihood sums to top_p of `total`; they end up sorted at the back of the span (a heap gives them
/// one by one).
std::span<Choice> cut_top_p(std::span<Choice> choices, double top_p, double total) {
  std::make_heap(choices.begin(), choices.end(), after);
  auto end = choices.end();
  double sum = 0;
  do {
    std::pop_heap(choices.begin(), end, after);
    sum += (--end)->likelihood;
  } while (end != choices.begin() && sum < top_p * total);
  return {end, choices.end()};
}

std::span<Choice> cut_min_p(std::span<Choice> choices, float min_p) {
  return {choices.begin(), std::stable_partition(choices.begin(), choices.end(),
                                                 [&](const Choice& c) { return c.likelihood >= min_p; })};
}

/// The entry at which the running sum of likelihood(i) passes random × total.
template <class Likelihood>
size_t pick(size_t count, double random, double total, Likelihood&& likelihood) {
  const double wanted = random * total;
  double sum = 0;
  size_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    if (likelihood(i) > 0) last = i;
    if ((sum += likelihood(i)) > wanted) return i;
  }
  return last;  // random so close to 1 that the sum was rounded below it
}

int32_t sample_among(const SampleArgs& args, std::span<const float> likelihoods, std::span<Choice> choices) {
  for (size_t i = 0; i < choices.size(); ++i) choices[i] = {likelihoods[i], static_cast<int32_t>(i)};
  choices = cut_top_k(choices, args.top_k);
  const double total = sum_of(choices);
  // Both remaining cuts keep a head of the same order, so the cheaper one may come first; top_p still counts from the
  // whole.
  if (args.min_p > 0) choices = cut_min_p(choices, std::min(args.min_p, 1.0f));
  if (args.top_p < 1) choices = cut_top_p(choices, args.top_p, total);
  else if (args.top_k > 0) std::sort(choices.begin(), choices.end(), before);
  return choices[pick(choices.size(), args.random, sum_of(choices), [&](size_t i) { return choices[i].likelihood; })]
      .token;
}

void sample_portable(const SampleArgs& args) {
  const std::span<const float> all(args.logits, static_cast<size_t>(args.vocab)),
      logits = all.first(static_cast<size_t>(std::clamp(args.largest_token + 1, 1, args.vocab)));
  *args.token = most_likely(all, logits.size());
  if (*args.token < 0 || !(args.temperature > 0)) return;
  Choice* choices = static_cast<Choice*>(args.scratch);
  float* likelihoods = reinterpret_cast<float*>(choices + logits.size());
  const double total = likelihoods_of(logits, logits[static_cast<size_t>(*args.token)], args.temperature, likelihoods);
  if (args.top_k > 0 || args.top_p < 1 || args.min_p > 0)
    *args.token = sample_among(args, {likelihoods, logits.size()}, {choices, logits.size()});
  else
    *args.token =
        static_cast<int32_t>(pick(logits.size(), args.random, total, [&](size_t i) { return likelihoods[i]; }));
}

/// The likelihood of each id, and that with its id to be sorted.
size_t sample_scratch(const Site& site, const Call&, int) {
  return static_cast<size_t>(site.n) * (sizeof(Choice) + sizeof(float));
}

size_t sample_cuda_scratch(const Site&, const Call&, int) {
  return sample_cuda_parts * (sizeof(float) + sizeof(int32_t));
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
     .batch_invariant = true,
     .thread_invariant = true,
     .built = cuda_built,
     .scratch = sample_cuda_scratch,
     .run = sample_cuda_portable,
     .images = sample_cuda_portable_images},
};

}  // namespace

SiteCall call_of(const SampleArgs& args) { return {Site{.id = SiteId::sample, .n = args.vocab}, Call{}}; }

std::span<const KernelPath> sample_paths() { return paths; }

}  // namespace mxpath
