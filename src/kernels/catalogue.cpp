#include "kernels/catalogue.h"

#include "kernels/rows.h"

namespace mxpath {
namespace {

Catalogue make_catalogue() {
  Catalogue all;
  for (auto rows : {embed_paths(), norm_paths(), linear_paths(), rope_paths(), attention_paths(), router_paths(), moe_matmul_paths(),
                    swiglu_paths(), sample_paths()})
    for (const KernelPath& path : rows) all.paths.push_back(&path);
  return all;
}

}  // namespace

const Catalogue& catalogue() {
  static const Catalogue all = make_catalogue();
  return all;
}

}  // namespace mxpath
