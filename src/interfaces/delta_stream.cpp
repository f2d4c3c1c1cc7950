#include "interfaces/delta_stream.h"

namespace mxpath {

void DeltaStream::push(Token token) {
  const bool inside = parser_.in_content();
  (void)parser_.push(token);  // lossy: never fails
  report(inside);
}

std::vector<harmony::Message> DeltaStream::finish() {
  const bool inside = parser_.in_content();
  (void)parser_.finish();
  report(inside);
  return parser_.messages();
}

void DeltaStream::report(bool was_inside) {
  if (!sink_) return;
  const auto& done = parser_.messages();
  if (done.size() > reported_) {
    const harmony::Message& m = done.back();
    reported_ = done.size();
    sink_({m.channel, m.recipient, parser_.last_delta(), !was_inside, true});
  } else if (parser_.in_content() && (!was_inside || !parser_.last_delta().empty())) {
    sink_({parser_.channel(), parser_.recipient(), parser_.last_delta(), !was_inside, false});
  }
}

}  // namespace mxpath
