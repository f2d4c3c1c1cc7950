#include "plan/layer_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace mxpath {

LayerSet LayerSet::range(int first, int last) {
  LayerSet set;
  for (int layer = first; layer <= last; ++layer) set.add(layer);
  return set;
}

bool LayerSet::contains(int layer) const { return std::ranges::binary_search(layers_, layer); }

std::string LayerSet::to_string() const {
  std::string text;
  for (size_t i = 0; i < layers_.size();) {
    size_t last = i;
    while (last + 1 < layers_.size() && layers_[last + 1] == layers_[last] + 1) ++last;
    if (layers_[i] != outside)
      text += fmt::format("{}{}{}", text.empty() ? "" : ", ", layers_[i],
                          last > i ? fmt::format("-{}", layers_[last]) : "");
    i = last + 1;
  }
  return text.empty() ? "" : fmt::format("{} {}", count() == 1 ? "layer" : "layers", text);
}

}  // namespace mxpath
