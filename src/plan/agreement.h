// Layers of one site that store their weights in different formats compute alike where that costs little.
#pragma once
#include <span>

#include "plan/plan.h"

namespace mxpath {

/// Predicted seconds of a row whose inputs stay as they are, over those of the row that rounds them, up to which the
/// better numbers are worth it. On CPUs with AVX-512 BF16 an MXFP4 row for FP32 inputs is priced at 1.12 of the one for
/// BF16 inputs as long as memory decides, and at 2 where arithmetic does.
inline constexpr double small_cost = 1.25;

/// `plans`: of one device. Where, for so many tokens, some layers of a site take inputs as they are and others would
/// round them to BF16, for no other reason than the format they are stored in, the others keep theirs too, unless that
/// costs more than small_cost. So what a model says does not depend on which of its layers were converted without loss.
void agree_on_arithmetic(std::span<Result<SitePlan>> plans);

}  // namespace mxpath
