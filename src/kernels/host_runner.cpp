#include "kernels/host_runner.h"

#include <map>

#include "base/text.h"
#include "kernels/attention/attention.h"
#include "kernels/device_copies.h"
#include "kernels/embed/embed.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/scratch.h"
#include "kernels/swiglu/swiglu.h"

namespace mxpath {

/// The stream, the copies, and structs that the placed arguments point to.
class HostRunner::CudaSide {
 public:
  CudaSide(Stream opened, DeviceId gpu) : stream(std::move(opened)), copies(gpu) {}

  EmbedArgs placed(const KernelPath&, EmbedArgs a) {
    a.y = copies.in_out(a.y, a.count * a.table->columns);
    a.table = copies.matrix(*a.table), a.tokens = copies.in(a.tokens, a.count);
    return a;
  }
  NormArgs placed(const KernelPath&, NormArgs a) {
    const float* before = a.x == a.y ? nullptr : copies.in(a.x, a.tokens * a.width);
    a.y = copies.in_out(a.y, a.tokens * a.width);
    a.x = before ? before : a.y;
    a.scale = copies.in(a.scale, a.width);
    return a;
  }
  LinearArgs placed(const KernelPath& path, LinearArgs a) {
    const int64_t n = a.weights->rows, k = a.weights->columns;
    a.x = copies.in(a.x, strided(a.tokens, a.x_stride, k)), a.y = copies.in_out(a.y, strided(a.tokens, a.y_stride, n));
    a.weights = copies.matrix(*a.weights), a.bias = copies.in(a.bias, n);
    a.scratch = copies.scratch(scratch_bytes(path, a, 1));
    return a;
  }
  RopeArgs placed(const KernelPath&, RopeArgs a) {
    a.x = copies.in_out(a.x, strided(a.tokens, a.x_stride, int64_t{a.heads} * a.head_dim));
    a.positions = copies.in(a.positions, a.tokens), a.inverse_frequency = copies.in(a.inverse_frequency, a.head_dim / 2);
    return a;
  }
  AttentionArgs placed(const KernelPath& path, AttentionArgs a) {
    const int64_t width = int64_t{a.heads} * a.head_dim, kv_width = int64_t{a.kv_heads} * a.head_dim;
    a.kv = placed_caches(a);
    a.q = copies.in(a.q, strided(a.tokens, a.q_stride, width)), a.y = copies.in_out(a.y, a.tokens * width);
    a.k = copies.in(a.k, strided(a.tokens, a.q_stride, kv_width)), a.v = copies.in(a.v, strided(a.tokens, a.q_stride, kv_width));
    a.sinks = copies.in(a.sinks, a.heads), a.positions = copies.in(a.positions, a.tokens);
    a.scratch = copies.scratch(scratch_bytes(path, a, 1));
    return a;
  }
  RouterArgs placed(const KernelPath&, RouterArgs a) {
    const int64_t experts = a.weights->rows, rows = int64_t{a.tokens} * a.experts_per_token;
    a.x = copies.in(a.x, a.tokens * a.weights->columns), a.bias = copies.in(a.bias, experts);
    a.weights = copies.matrix(*a.weights);
    a.logits = copies.in_out(a.logits, a.tokens * experts), a.first = copies.in_out(a.first, experts + 1);
    a.expert = copies.in_out(a.expert, rows), a.weight = copies.in_out(a.weight, rows), a.order = copies.in_out(a.order, rows);
    return a;
  }
  MoeMatmulArgs placed(const KernelPath& path, MoeMatmulArgs a) {
    const bool down = path.op == Op::moe_down;
    const int64_t n = a.weights->rows, k = a.weights->columns, tokens = a.batches->tokens, rows = tokens * a.batches->experts_per_token;
    batches = *a.batches;
    batches.first = copies.in(batches.first, batches.experts + 1);
    batches.order = copies.in(batches.order, rows), batches.weight = copies.in(batches.weight, rows);
    a.batches = &batches;
    a.x = copies.in(a.x, (down ? rows : tokens) * k), a.y = copies.in_out(a.y, (down ? tokens : rows) * n);
    a.bias = copies.in(a.bias, a.weights->experts * n), a.weights = copies.matrix(*a.weights);
    a.scratch = copies.scratch(scratch_bytes(path, a, 1));
    return a;
  }
  SwigluArgs placed(const KernelPath&, SwigluArgs a) {
    a.u = copies.in(a.u, a.rows * 2 * a.width), a.h = copies.in_out(a.h, a.rows * a.width);
    return a;
  }
  SampleArgs placed(const KernelPath& path, SampleArgs a) {
    a.logits = copies.in(a.logits, a.vocab), a.token = copies.in_out(a.token, 1);
    a.scratch = copies.scratch(scratch_bytes(path, a, 1));
    return a;
  }

  Stream stream;
  DeviceCopies copies;

 private:
  /// Elements from the first to the last of rows that lie `stride` apart.
  static int64_t strided(int64_t rows, int64_t stride, int64_t width) { return rows > 0 ? (rows - 1) * stride + width : 0; }

  /// The caches with their block tables; blocks come back when keys are stored.
  const KvView* const* placed_caches(const AttentionArgs& a) {
    std::map<const KvView*, const KvView*> views;
    std::map<const uint16_t*, uint16_t*> blocks;  // a block may stand in more than one table
    std::vector<const KvView*> list;
    for (int t = 0; t < a.tokens; ++t) {
      const KvView*& view = views[a.kv[t]];
      if (!view) view = placed_cache(*a.kv[t], int64_t{a.kv_heads} * kv_block_tokens * a.head_dim, a.k != nullptr, blocks);
      list.push_back(view);
    }
    return copies.in(list.data(), std::ssize(list));
  }
  const KvView* placed_cache(const KvView& host, int64_t block_elements, bool written, std::map<const uint16_t*, uint16_t*>& blocks) {
    const int64_t count = (host.capacity + kv_block_tokens - 1) / kv_block_tokens;
    std::vector<uint16_t*> k, v;
    for (int64_t b = 0; b < count; ++b)
      for (auto [table, from] : {std::pair{&k, host.k_blocks[b]}, {&v, host.v_blocks[b]}}) {
        uint16_t*& block = blocks[from];
        if (!block)
          block = written ? copies.in_out(from, block_elements)
                          : const_cast<uint16_t*>(copies.in(static_cast<const uint16_t*>(from), block_elements));
        table->push_back(block);
      }
    const KvView view{copies.in(k.data(), count), copies.in(v.data(), count), host.capacity};
    return copies.in(&view, 1);
  }

  ExpertBatches batches;
};

HostRunner::HostRunner(DeviceId gpu, DeviceProblem problem) : gpu_(gpu), problem_(std::move(problem)) {}
HostRunner::HostRunner(HostRunner&&) noexcept = default;
HostRunner& HostRunner::operator=(HostRunner&&) noexcept = default;
HostRunner::~HostRunner() = default;

template <class Args>
Status HostRunner::run_any(const KernelPath& path, const Args& args) {
  const auto* function = std::get_if<void (*)(const Args&)>(&path.run);
  if (!function) return fail("{} does not take these arguments, or is not built", path.name);
  if (path.device == DeviceKind::cpu) return (*function)(args), Status();
  if (!device_failure_.empty()) return fail("{}", device_failure_);
  if (!cuda_) {
    auto stream = Stream::create(gpu_);
    if (!stream.ok()) return device_failure_ = problem_(gpu_), std::move(stream).error();
    cuda_ = std::make_unique<CudaSide>(std::move(stream).value(), gpu_);
  }
  cuda_->copies.clear();
  Args placed = cuda_->placed(path, args);
  placed.stream = &cuda_->stream;
  Status status = cuda_->copies.send(cuda_->stream);
  if (status.ok()) (*function)(placed), status = cuda_->copies.fetch(cuda_->stream);
  if (!cuda_->stream.status().ok()) {
    cuda_.reset();  // a stream keeps its error, and the next row is not to blame
    device_failure_ = problem_(gpu_);
  }
  return status;
}

Status HostRunner::run(const KernelPath& path, const EmbedArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const NormArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const LinearArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const RopeArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const AttentionArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const RouterArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const MoeMatmulArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const SwigluArgs& args) { return run_any(path, args); }
Status HostRunner::run(const KernelPath& path, const SampleArgs& args) { return run_any(path, args); }

}  // namespace mxpath
