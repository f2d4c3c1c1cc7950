#include "app/reports/plan_summary.h"

#include <fmt/ranges.h>

#include "app/planner.h"
#include "base/text.h"
#include "checkpoint/manifest.h"

namespace mxpath {
namespace {

std::string path_of(const Plan& plan, SiteId site, int tokens) {
  return fmt::format("{}", fmt::join(plan.paths_of(site, tokens), ", "));
}

/// The memory that most of the model takes: the GPUs' as soon as a layer lies there.
MemoryPlan main_memory(const Plan& plan) { return plan.device.is_gpu() ? plan.gpu_memory() : plan.memory(); }

std::string device_text(const Plan& plan) {
  const size_t gpus = plan.placement.gpus.size();
  return gpus == 0 ? "CPU" : gpus == 1 ? "GPU" : fmt::format("{} GPUs", gpus);
}

}  // namespace

std::vector<std::string> plan_in_three_lines(const Plan& plan, diagnose::Language language) {
  const MemoryPlan m = main_memory(plan);
  const std::string one = path_of(plan, SiteId::gate_up, 1), many = path_of(plan, SiteId::gate_up, 512);
  const std::string total = human_bytes(double(m.total())), available = human_bytes(double(m.available));
  const double answering = 1 / plan.decode_seconds, reading = 512 / plan.prefill_seconds;
  if (!plan.not_built.empty())
    return {language == diagnose::Language::ko ? "mxpath는 x86-64용으로만 빌드되므로 이 컴퓨터에서는 실행되지 않습니다"
                                               : plan.not_built};
  if (language == diagnose::Language::ko)
    return {
        fmt::format("전문가(expert) 계산 경로: {}{}", one, one == many ? "" : fmt::format(", 긴 프롬프트는 {}", many)),
        fmt::format("메모리 {} 필요 ({} 사용 가능{})", total, available, plan.fits() ? "" : ": 부족함"),
        fmt::format("답변 초당 약 {:.1f}토큰, 프롬프트 읽기 초당 약 {:.1f}토큰", answering, reading)};
  return {fmt::format("experts on {}{}", one, one == many ? "" : fmt::format(", long prompts on {}", many)),
          fmt::format("{} of memory ({} available{})", total, available, plan.fits() ? "" : ": does not fit"),
          fmt::format("about {:.1f} tok/s answering, {:.1f} tok/s reading a prompt", answering, reading)};
}

std::string plan_in_a_sentence(const Plan& plan, diagnose::Language language) {
  const std::string device = device_text(plan), memory = human_bytes(double(main_memory(plan).total())),
                    available = human_bytes(double(main_memory(plan).available));
  const std::string path = path_of(plan, SiteId::gate_up, 1);
  const double speed = 1 / plan.decode_seconds;
  const bool korean = language == diagnose::Language::ko;
  if (!plan.not_built.empty())
    return korean ? "mxpath는 x86-64용으로만 빌드되므로 그 컴퓨터에서는 실행되지 않습니다."
                  : "mxpath does not run there: it is built for x86-64 only.";
  if (!plan.fits())
    return korean
               ? fmt::format(
                     "mxpath는 이 모델을 그 컴퓨터에서 실행하지 않습니다: 메모리 {}가 필요한데 {}만 쓸 수 있습니다.",
                     memory, available)
               : fmt::format("mxpath would refuse this model there: it needs {} of memory, but only {} is available.",
                             memory, available);
  return korean ? fmt::format("mxpath는 그 컴퓨터의 {}에서 MXFP4 그대로 실행합니다: {}, 메모리 {}, 초당 약 {:.1f}토큰.",
                              device, path, memory, speed)
                : fmt::format(
                      "mxpath would run it there on the {}, in MXFP4 as stored: {}, {} of memory, about {:.1f} tok/s.",
                      device, path, memory, speed);
}

Result<Plan> plan_for_config(const ModelConfig& config, std::string_view name, const Machine& machine) {
  return plan_elsewhere(manifest_from_config(config, name), machine, {});
}

}  // namespace mxpath
