// Which formats are compared, under which policies.
#pragma once
#include <vector>

#include "app/reports/compare.h"

namespace mxpath {

/// A format of the report, and the policy under which it is measured.
struct Asked {
  ComparedFormat format;
  Policy policy;
};

void note_problem(ComparedFormat& format, const Error& error);

/// Plans every format before anything is loaded. Errors: a format that does not exist, what cannot be meant under any
/// format, and the first format's if not one of them can be measured here: the FP32 forward alone would compare
/// nothing.
Result<std::vector<Asked>> plan_formats(const ModelFiles& files, const Machine& machine, const Policy& policy,
                                        const CompareOptions& options);

}  // namespace mxpath
