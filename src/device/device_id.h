// Which device something lies on.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace mxpath {

enum class DeviceKind : uint8_t { cpu, cuda };
inline constexpr int device_kind_count = 2;
std::string_view name_of(DeviceKind kind);  ///< "cpu", "cuda"

/// One device of a computer: the CPU with its memory, or a GPU by CUDA's number.
struct DeviceId {
  DeviceKind kind = DeviceKind::cpu;
  int8_t index = 0;
  constexpr auto operator<=>(const DeviceId&) const = default;
  /// Whether it has a memory and streams of its own.
  constexpr bool is_gpu() const { return kind != DeviceKind::cpu; }
};
inline constexpr DeviceId cpu_device{};
constexpr DeviceId cuda_device(int index) { return {DeviceKind::cuda, static_cast<int8_t>(index)}; }
inline constexpr int most_gpus = 64;  ///< the most GPUs of one computer

/// "cpu", "cuda:1".
std::string to_string(DeviceId device);

}  // namespace mxpath
