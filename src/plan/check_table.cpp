#include "plan/check_table.h"

#include <array>

#include "base/hint.h"

namespace mxpath {
namespace {

// clang-format off
constexpr std::array<CheckRow, check_count> rows = {{
    {Check::not_built, "not_built", "is not part of this build",
     "the row exists, but this program was built without it"},
    {Check::known_issue, "known_issue", "has a known fault here: {have}",
     "a known fault of this hardware, driver or compiler; the row links to it"},
    {Check::cpu_feature, "cpu_feature", "needs {wants}; this CPU has {have}",
     "the CPU or the operating system does not grant these instructions"},
    {Check::no_gpu, "no_gpu", "needs {wants}: {have}",
     "there is no NVIDIA GPU that this program can use"},
    {Check::cuda_arch, "cuda_arch", "needs {wants}; this GPU has {have}",
     "the kernel's image is not for this compute capability; capabilities are sets, not an order"},
    {Check::driver, "driver", "needs {wants}; this computer has {have}",
     "the CUDA driver is older than the kernel needs"},
    {Check::device_failed, "device_failed", "runs on a GPU that is not used any more: {have}",
     "the GPU itself failed during the self-check, so none of its later answers can be trusted"},
    {Check::no_image, "no_image", "cannot be loaded by the driver: {have}",
     "the driver found no image that it can load on this device"},
    {Check::shared_memory, "shared_memory", "needs {wants} of shared memory per block; this GPU allows {have}",
     "a block may not have that much shared memory on this device"},
    {Check::layout, "layout", "reads {wants}; the weights are held as {have}",
     "the weights are held in another layout, because that one is cheaper over all token counts"},
    {Check::arithmetic, "arithmetic", "needs {wants}",
     "the path computes something else than the checkpoint says; `{numerics}` allows it"},
    {Check::determinism, "determinism", "is left out by {wants}: {have}",
     "its results depend on what else is in the call, or another path serves all token counts; `{deterministic}` "
     "asks for one"},
    {Check::tokens, "tokens", "takes {wants}; asked for {have}",
     "the path is not made for that many tokens in one call"},
    {Check::n_multiple, "n_multiple", "needs {wants}; here {have}",
     "the output width is not a multiple of the path's tile"},
    {Check::k_multiple, "k_multiple", "needs {wants}; here {have}",
     "the inner width is not a multiple of the path's tile"},
    {Check::device, "device", "runs on {wants}; this operation is placed on {have}",
     "the operation is placed on another device"},
    {Check::excluded, "excluded", "excluded by {have}",
     "`{exclude}` names it, or `{only}` names others"},
    {Check::memory_budget, "memory_budget", "needs {wants}; only {have} is available",
     "its weights alone would not fit into the memory budget"},
    {Check::self_check, "self_check", "failed its self-check: {have}",
     "it gave a wrong result on a known problem on this machine"},
}};
// clang-format on

constexpr bool in_enum_order() {
  for (size_t i = 0; i < rows.size(); ++i)
    if (static_cast<size_t>(rows[i].check) != i) return false;
  return true;
}
static_assert(in_enum_order());

/// The text with `value` in place of the first `name`.
std::string filled(std::string text, std::string_view name, std::string_view value) {
  if (const size_t at = text.find(name); at != text.npos) text.replace(at, name.size(), value);
  return text;
}

}  // namespace

const CheckRow& row_of(Check check) { return rows[static_cast<size_t>(check)]; }
std::string_view name_of(Check check) { return row_of(check).name; }

std::string sentence_of(Check check, std::string_view wants, std::string_view have) {
  const std::string_view sentence = row_of(check).sentence;
  const size_t at = sentence.find("{have}");
  // What the refusal says comes from outside too, so the pieces are put together rather than searched again.
  const std::string begin = filled(std::string(sentence.substr(0, at)), "{wants}", wants);
  return at == sentence.npos ? begin : begin + std::string(have) + std::string(sentence.substr(at + 6));
}

std::string meaning_of(Check check) {
  std::string text(row_of(check).meaning);
  text = filled(std::move(text), "{numerics}", mention(Knob::numerics, "fast"));
  text = filled(std::move(text), "{exclude}", mention(Knob::exclude));
  text = filled(std::move(text), "{deterministic}", mention(Knob::deterministic));
  return filled(std::move(text), "{only}", mention(Knob::only));
}

}  // namespace mxpath
