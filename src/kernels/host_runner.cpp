#include "kernels/host_runner.h"

#include "kernels/arguments.h"
#include "kernels/rows.h"

namespace mxpath {

class HostRunner::CudaSide {
 public:
  CudaSide(Stream opened, DeviceId gpu) : stream(std::move(opened)), copies(gpu) {}
  Stream stream;
  DeviceCopies copies;
};

HostRunner::HostRunner(DeviceId gpu, DeviceProblem problem) : gpu_(gpu), problem_(std::move(problem)) {}
HostRunner::HostRunner(HostRunner&&) noexcept = default;
HostRunner& HostRunner::operator=(HostRunner&&) noexcept = default;
HostRunner::~HostRunner() = default;

Status HostRunner::run_on_device(const KernelPath& path, void* args, Stream*& stream,
                                 const std::function<void()>& call) {
  const auto list_arguments_of = kernels_of(path.op).arguments;
  if (!list_arguments_of)
    return fail("{}: no list says what arrays {} has, so it cannot run on copies", path.name, name_of(path.op));
  if (!device_failure_.empty()) return fail("{}", device_failure_);
  if (!cuda_) {
    auto opened = Stream::create(gpu_);
    if (!opened.ok()) return device_failure_ = problem_(gpu_), std::move(opened).error();
    cuda_ = std::make_unique<CudaSide>(std::move(opened).value(), gpu_);
  }
  cuda_->copies.clear();
  Arguments list(cuda_->copies, path);
  list_arguments_of(list, args);
  stream = &cuda_->stream;
  Status status = cuda_->copies.send(cuda_->stream);
  if (status.ok()) call(), status = cuda_->copies.fetch(cuda_->stream);
  if (!cuda_->stream.status().ok()) {
    cuda_.reset();  // a stream keeps its error, and the next row is not to blame
    device_failure_ = problem_(gpu_);
  }
  return status;
}

}  // namespace mxpath
