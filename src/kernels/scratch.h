// The scratch of one call whose arguments are there already: for tests, self-checks and benchmarks. Planning asks for
// sites and calls.
#pragma once
#include "plan/path.h"

namespace mxpath {

/// Arguments as planning would name the call: the site with its shape, its device and no more, and the tokens.
struct SiteCall {
  Site site;
  Call call;
};

/// Args: those of an operation that has a call_of(), beside its arguments.
template <class Args>
size_t scratch_bytes(const KernelPath& path, const Args& args, int threads) {
  const SiteCall one = call_of(args);
  return scratch_bytes(path, one.site, one.call, threads);
}

}  // namespace mxpath
