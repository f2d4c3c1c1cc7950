// What rounding to another format cost one tensor.
#pragma once
#include <algorithm>
#include <cstdint>

namespace mxpath::convert {

/// Over `values` numbers: how many changed, and by how much. Merged in a fixed order, so that the report does not
/// depend on the threads.
struct Loss {
  uint64_t values = 0, changed = 0;
  double largest = 0, sum = 0;  ///< the largest |new - old|, and their sum

  double mean() const { return values ? sum / static_cast<double>(values) : 0; }
  double share_changed() const { return values ? static_cast<double>(changed) / static_cast<double>(values) : 0; }

  void add(float before, float after) {
    ++values;
    if (before == after) return;
    const double difference = after > before ? double(after) - before : double(before) - after;
    ++changed;
    largest = std::max(largest, difference);
    sum += difference;
  }
  void add(const Loss& other) {
    values += other.values;
    changed += other.changed;
    largest = std::max(largest, other.largest);
    sum += other.sum;
  }
};

}  // namespace mxpath::convert
