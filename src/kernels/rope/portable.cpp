#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/cuda_row.h"
#include "kernels/rope/rope.h"
#include "kernels/rows.h"

namespace mxpath {

MXPATH_CUDA_ROW(rope_cuda_portable, RopeArgs)

namespace {

/// The pair index at which a wave turns `beta` times within the original context.
double turns_at(const RopeConfig& config, double half, double beta) {
  return half * std::log(config.original_context / (beta * 2 * std::numbers::pi)) / std::log(config.theta);
}

void rotate(float* x, int half, const float* cosine, const float* sine) {
  for (int i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cosine[i] - b * sine[i];
    x[i + half] = b * cosine[i] + a * sine[i];
  }
}

void rope_portable(const RopeArgs& args) {
  const int half = args.head_dim / 2;
  const size_t grain =
      items_worth_a_thread(20.0 * half + 0.3 * args.heads * args.head_dim);  // sines take the most of it
  args.threads->for_range(static_cast<size_t>(args.tokens), grain, [&](size_t begin, size_t end, int) {
    std::vector<float> cosine(static_cast<size_t>(half)), sine(static_cast<size_t>(half));
    for (size_t t = begin; t < end; ++t) {
      for (int i = 0; i < half; ++i) {
        // In double: a float angle near position 131,071 is only known to 1/128 of a radian.
        const double angle = args.positions[t] * args.inverse_frequency[i];
        cosine[static_cast<size_t>(i)] = static_cast<float>(args.attention_factor * std::cos(angle));
        sine[static_cast<size_t>(i)] = static_cast<float>(args.attention_factor * std::sin(angle));
      }
      float* x = args.x + static_cast<int64_t>(t) * args.x_stride;
      for (int h = 0; h < args.heads; ++h) rotate(x + h * args.head_dim, half, cosine.data(), sine.data());
    }
  });
}

constexpr KernelPath paths[] = {
    {.name = "rope.cpu.portable.f32",
     .op = Op::rope,
     .unit = Unit::scalar,
     .efficiency = 0.6,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = rope_portable},
    {.name = "rope.cuda.portable.f32",
     .op = Op::rope,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.3,
     .batch_invariant = true,
     .thread_invariant = true,
     .built = cuda_built,
     .run = rope_cuda_portable,
     .images = rope_cuda_portable_images},
};

}  // namespace

RopeTable make_rope_table(const RopeConfig& config, int head_dim) {
  const int half = head_dim / 2;
  RopeTable table;
  double low = turns_at(config, half, config.beta_fast), high = turns_at(config, half, config.beta_slow);
  if (config.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, head_dim - 1.0);
  if (low == high) high += 0.001;
  for (int i = 0; i < half; ++i) {
    const double plain = std::pow(config.theta, -2.0 * i / head_dim),
                 ramp = config.yarn ? std::clamp((i - low) / (high - low), 0.0, 1.0) : 0.0;
    table.inverse_frequency.push_back(plain * (1 - ramp) + plain / config.factor * ramp);
  }
  if (config.yarn)
    table.attention_factor = config.attention_factor > 0 ? config.attention_factor : 0.1 * std::log(config.factor) + 1;
  return table;
}

std::span<const KernelPath> rope_paths() { return paths; }

}  // namespace mxpath
