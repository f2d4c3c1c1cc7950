// Layers of one site that store their weights in different formats compute alike.
#pragma once
#include <span>

#include "plan/plan.h"

namespace mxpath {

/// `plans`: of one device. Where, for so many tokens, some layers of a site take inputs as they are and others would
/// round them to BF16, for no other reason than the format they are stored in, the others keep theirs too, unless the
/// policy leaves them no row for that. So what a model says does not depend on which of its layers were converted
/// without loss, on any machine. A layer that keeps its inputs takes up to twice its time on CPUs whose BF16 unit is
/// twice as fast, which is about what the layers take that keep theirs anyway: they read more bytes.
void agree_on_arithmetic(std::span<Result<SitePlan>> plans);

}  // namespace mxpath
