#include "plan/path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace mxpath {

std::string_view name_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::f32: return "f32";
    case Arithmetic::bf16_inputs: return "bf16_inputs";
    case Arithmetic::tf32: return "tf32";
    case Arithmetic::int8_dynamic: return "int8_dynamic";
  }
  return "";
}

std::string Range::to_string() const {
  const bool open = high == std::numeric_limits<int>::max();
  if (open) return low <= 1 ? "any" : fmt::format(">= {}", low);
  return low == high ? fmt::format("{}", low) : fmt::format("{}..{}", low, high);
}

std::string Range::of_tokens() const {
  if (low <= 1 && high == std::numeric_limits<int>::max()) return "any number of tokens";
  if (high == std::numeric_limits<int>::max()) return fmt::format("{} or more tokens", low);
  return low == high ? plural(low, "token") : fmt::format("{} to {} tokens", low, high);
}

std::string_view invariance_of(const KernelPath& path) {
  if (path.batch_invariant && path.thread_invariant) return "same bits in any batch, on any number of threads";
  if (path.batch_invariant) return "same bits in any batch; they may depend on the number of threads";
  if (path.thread_invariant) return "bits may depend on the batch";
  return "bits may depend on the batch and on the number of threads";
}

bool is_floor(const KernelPath& path) {
  const Needs& n = path.needs;
  const bool cuda = path.device == DeviceKind::cuda;
  const bool any_card =
      n.arch.kind == ArchSet::Kind::any || (cuda && n.arch.kind == ArchSet::Kind::from && n.arch.arch.number <= 75);
  return n.cpu.empty() && any_card && (cuda || n.driver == 0) &&
         n.tokens.contains({1, std::numeric_limits<int>::max()}) && n.n_multiple == 1 && n.k_multiple == 1 &&
         n.shared_memory == 0 && path.fuses.empty() && (path.weights == Layout::any || path.weights == Layout::none);
}

const KernelPath* Catalogue::find(std::string_view name) const {
  const auto at = std::ranges::find_if(paths, [&](const KernelPath* path) { return path->name == name; });
  return at == paths.end() ? nullptr : *at;
}

}  // namespace mxpath
