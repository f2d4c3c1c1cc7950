// The GPUs of this computer, as the CUDA runtime tells them; the runtime is linked statically and opens the driver's
// library here.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include <algorithm>

#include "base/environment.h"
#include "base/text.h"
#include "machine/probe.h"

namespace mxpath {
namespace {

struct PerClock {
  int arch;
  int fp32_cores;    // of one multiprocessor; CUDA C++ Programming Guide, "Arithmetic Instructions"
  int tensor_flops;  // dense BF16 of one multiprocessor and clock, from the vendors' data sheets: rate /
                     // (multiprocessors × boost clock)
};
constexpr PerClock per_clock[] = {{75, 64, 0},      {80, 64, 2048},   {86, 128, 512},   {87, 128, 512},
                                  {89, 128, 512},   {90, 128, 4096},  {100, 128, 8192}, {103, 128, 8192},
                                  {110, 128, 4096}, {120, 128, 1024}, {121, 128, 1024}};

/// The entry of the architecture, or of the last one before it.
PerClock rates_of(int arch) {
  PerClock found = per_clock[0];
  for (const PerClock& entry : per_clock)
    if (entry.arch <= arch) found = entry;
  return found;
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, which, device) != cudaSuccess) (void)cudaGetLastError();
  return value;
}

std::string text_of(cudaError_t code) {
  (void)cudaGetLastError();
  return fmt::format("{} ({})", cudaGetErrorString(code), cudaGetErrorName(code));
}

/// A function of the driver's library, which nothing is linked against.
template <class Function>
Function* driver_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
#if CUDART_VERSION >= 12050
  const cudaError_t code = cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result);
#else
  const cudaError_t code = cudaGetDriverEntryPoint(name, &found, cudaEnableDefault, &result);
#endif
  if (code != cudaSuccess) (void)cudaGetLastError();
  return code == cudaSuccess && result == cudaDriverEntryPointSuccess ? reinterpret_cast<Function*>(found) : nullptr;
}
/// Free bytes are told inside a context, which takes some hundred megabytes of the device: it is held for the question
/// alone, so that looking at a computer leaves nothing on its GPUs. A device that another program holds for itself says
/// so here.
cudaError_t read_free_memory(int ordinal, size_t& left) {
  const auto retain = driver_function<decltype(cuDevicePrimaryCtxRetain)>("cuDevicePrimaryCtxRetain");
  const auto release = driver_function<decltype(cuDevicePrimaryCtxRelease)>("cuDevicePrimaryCtxRelease");
  const auto push = driver_function<decltype(cuCtxPushCurrent)>("cuCtxPushCurrent");
  const auto pop = driver_function<decltype(cuCtxPopCurrent)>("cuCtxPopCurrent");
  const auto ask = driver_function<decltype(cuMemGetInfo)>("cuMemGetInfo");
  const auto get = driver_function<decltype(cuDeviceGet)>("cuDeviceGet");
  if (!retain || !release || !push || !pop || !ask || !get) return cudaErrorSymbolNotFound;
  CUdevice device = 0;
  CUcontext context = nullptr;
  size_t total = 0;
  CUresult code = get(&device, ordinal);
  if (code == CUDA_SUCCESS) code = retain(&context, device);
  if (code != CUDA_SUCCESS) return static_cast<cudaError_t>(code);  // the two count alike
  code = push(context);
  if (code == CUDA_SUCCESS) code = ask(&left, &total), pop(&context);
  release(device);
  return static_cast<cudaError_t>(code);
}

bool is_slice(const std::string& name) { return name.find(" MIG ") != name.npos; }

/// A MIG slice has a number of its own, which the properties of older toolkits do not tell.
std::string uuid_of(int ordinal, const cudaDeviceProp& properties) {
  CUuuid uuid = properties.uuid;
  const auto ask = driver_function<CUresult(CUuuid*, CUdevice)>("cuDeviceGetUuid");
  if (ask && ask(&uuid, ordinal) != CUDA_SUCCESS) uuid = properties.uuid;
  std::string text = is_slice(properties.name) ? "MIG-" : "GPU-";
  for (int i = 0; i < 16; ++i)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        static_cast<unsigned char>(uuid.bytes[i]));
  return text;
}

/// What the driver says of the way between two GPUs; how fast it is, it does not. Only NVLink has atomics of its own.
Link probe_link(int a, int b) {
  int access = 0, atomics = 0;
  if (cudaDeviceGetP2PAttribute(&access, cudaDevP2PAttrAccessSupported, a, b) != cudaSuccess) (void)cudaGetLastError();
  if (cudaDeviceGetP2PAttribute(&atomics, cudaDevP2PAttrNativeAtomicSupported, a, b) != cudaSuccess)
    (void)cudaGetLastError();
  return assumed_link(cuda_device(a), cuda_device(b), access != 0, access != 0 && atomics != 0);
}

Gpu probe_gpu(int device, int driver) {
  Gpu gpu;
  cudaDeviceProp properties{};
  if (const cudaError_t code = cudaGetDeviceProperties(&properties, device); code != cudaSuccess)
    gpu.problem = text_of(code);
  gpu.name = properties.name, gpu.arch = {10 * properties.major + properties.minor}, gpu.driver = driver;
  gpu.shared_memory = properties.sharedMemPerBlockOptin, gpu.memory = properties.totalGlobalMem;
  const double clock = 1e3 * attribute(cudaDevAttrClockRate, device),
               memory_clock = 1e3 * attribute(cudaDevAttrMemoryClockRate, device);
  gpu.bandwidth = 2 * memory_clock * attribute(cudaDevAttrGlobalMemoryBusWidth, device) / 8;  // two transfers a clock
  const PerClock rates = rates_of(gpu.arch.number);
  gpu.cuda_flops = 2.0 * rates.fp32_cores * properties.multiProcessorCount * clock;
  gpu.tensor_flops = 1.0 * rates.tensor_flops * properties.multiProcessorCount * clock;
  assume_missing_rates(gpu);
  gpu.integrated = attribute(cudaDevAttrIntegrated, device) != 0;
  gpu.uuid = uuid_of(device, properties);
  size_t left = 0;
  if (const cudaError_t code = read_free_memory(device, left); code != cudaSuccess)
    gpu.problem = fmt::format("cuda:{} cannot be used: {}", device, text_of(code));
  gpu.free_memory = left;
  return gpu;
}

std::string reason_of(cudaError_t code, int driver) {
  if (driver == 0) return "there is no NVIDIA driver on this computer";
  if (code == cudaErrorInsufficientDriver)
    return fmt::format(
        "the NVIDIA driver is for CUDA {}.{} and this program was built with CUDA {}.{}; update the driver, or build "
        "with an older toolkit",
        driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  if (code == cudaErrorNoDevice || code == cudaSuccess)
    return "there is no NVIDIA GPU on this computer, or CUDA_VISIBLE_DEVICES hides it";
  return fmt::format("the NVIDIA driver does not answer: {}", text_of(code));
}

}  // namespace

void probe_gpus(Machine& machine) {
  int driver = 0, count = 0;
  machine.visible_gpus = environment_variable("CUDA_VISIBLE_DEVICES");
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) {
    machine.no_gpu_reason = reason_of(code, driver);
    (void)cudaGetLastError();
    return;
  }
  count = std::min(count, most_gpus);
  for (int device = 0; device < count; ++device) machine.gpus.push_back(probe_gpu(device, driver));
  for (int b = 1; b < count; ++b)
    for (int a = 0; a < b; ++a) machine.links.push_back(probe_link(a, b));
  if (count == 0) machine.no_gpu_reason = reason_of(code, driver);
}

}  // namespace mxpath
