// Which layers something stands for.
#pragma once
#include <string>
#include <vector>

namespace mxpath {

/// Some of a model's layers, ascending. What lies outside of them (embedding, final norm, head) is the layer `outside`.
class LayerSet {
 public:
  static constexpr int outside = -1;

  LayerSet() = default;
  /// Layers first … last.
  static LayerSet range(int first, int last);

  /// A layer above those that it has.
  void add(int layer) { layers_.push_back(layer); }
  bool contains(int layer) const;
  bool empty() const { return layers_.empty(); }
  int count() const { return static_cast<int>(layers_.size()); }
  int first() const { return layers_.front(); }  ///< not to be asked of an empty one
  auto begin() const { return layers_.begin(); }
  auto end() const { return layers_.end(); }
  bool operator==(const LayerSet&) const = default;
  /// "layer 3", "layers 0, 2, 5-23"; empty for what lies outside.
  std::string to_string() const;

 private:
  std::vector<int> layers_;
};

}  // namespace mxpath
