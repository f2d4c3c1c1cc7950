#include "machine/machine.h"

#include "base/text.h"

namespace mxpath {

std::string_view name_of(Isa isa) { return isa == Isa::x86_64 ? "x86-64" : "aarch64"; }

std::string_view name_of(CpuFeature feature) {
  constexpr std::string_view names[cpu_feature_count] = {
      "avx2", "fma", "f16c", "avx512", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8"};
  return names[static_cast<int>(feature)];
}

std::string CpuFeatures::to_string() const {
  std::string text;
  for (int i = 0; i < cpu_feature_count; ++i) {
    if (!has(static_cast<CpuFeature>(i))) continue;
    if (!text.empty()) text += '+';
    text += name_of(static_cast<CpuFeature>(i));
  }
  return text.empty() ? "none" : text;
}

std::string Arch::to_string() const { return number == 0 ? "none" : fmt::format("sm{}", number); }

std::string ArchSet::to_string() const {
  if (kind == Kind::any) return "any";
  return arch.to_string() + (kind == Kind::from ? " or later" : "a only");
}

std::string_view name_of(Unit unit) {
  constexpr std::string_view names[unit_count] = {"scalar", "avx2",       "avx512",      "avx512_bf16",
                                                  "amx",    "cuda_cores", "tensor_cores"};
  return names[static_cast<int>(unit)];
}

CpuFeatures features_of(Unit unit) {
  switch (unit) {
    case Unit::avx2: return {CpuFeature::avx2, CpuFeature::fma};
    case Unit::avx512: return {CpuFeature::avx512};
    case Unit::avx512_bf16: return {CpuFeature::avx512_bf16};
    case Unit::amx: return {CpuFeature::amx_tile, CpuFeature::amx_bf16};
    case Unit::scalar:
    case Unit::cuda_cores:
    case Unit::tensor_cores: return {};
  }
  return {};
}

bool measured_while_busy(const Cpu& cpu) {
  return cpu.bandwidth_measured && cpu.bandwidth_load > busy_load_per_core * cpu.cores;
}

}  // namespace mxpath
