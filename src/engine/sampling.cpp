#include "engine/sampling.h"

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {

Status check_sampling(const SamplingOptions& o) {
  if (!(o.temperature >= 0 && o.temperature <= 100))
    return wrong_use("{}: must be between 0 (greedy) and 100", mention(Knob::temperature, o.temperature));
  if (!(o.top_p > 0 && o.top_p <= 1))
    return wrong_use("{}: must be above 0 and at most 1", mention(Knob::top_p, o.top_p));
  if (!(o.min_p >= 0 && o.min_p <= 1)) return wrong_use("{}: must be between 0 and 1", mention(Knob::min_p, o.min_p));
  if (o.top_k < 0) return wrong_use("{}: must be 0 (all) or more", mention(Knob::top_k, o.top_k));
  return {};
}

}  // namespace mxpath
