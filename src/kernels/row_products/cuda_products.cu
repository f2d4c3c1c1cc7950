#include "kernels/row_products/cuda_products.cuh"

namespace mxpath {

void cuda_products(Stream& stream, const char* name, const CudaProducts& p) {
  // Tiles that fill only a part of the device cost more than reading the weights once for every eight rows. An expert's
  // rows vary around their mean.
  const int64_t together = p.first ? p.rows / p.weights.experts : p.rows;
  if (together <= (p.first ? 20 : 64)) cuda_gemv_tiles(stream, name, p);
  else cuda_gemm_tiles(stream, name, p);
}

KernelImages cuda_products_images() {
  static const void* const kernels[] = {cuda_gemv_tiles_kernel(), cuda_gemm_tiles_kernel()};
  return kernels;
}

}  // namespace mxpath
