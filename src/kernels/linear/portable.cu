// linear.cuda.portable.f32: FP32 arithmetic over weights of any layout.
#include <array>

#include "kernels/cuda_row.h"
#include "kernels/linear/linear.h"
#include "kernels/row_products/cuda_products.cuh"

namespace mxpath {

void linear_cuda_portable(const LinearArgs& args) {
  CudaProducts products;
  products.weights = view_of(*args.weights);
  products.bias = args.bias;
  products.x = args.x, products.x_stride = args.x_stride;
  products.y = args.y, products.y_stride = args.y_stride;
  products.rows = args.tokens, products.accumulate = args.accumulate;
  cuda_products(*args.stream, "linear.cuda.portable.f32", products);
}

KernelImages linear_cuda_portable_images() { return cuda_products_images(); }

}  // namespace mxpath
