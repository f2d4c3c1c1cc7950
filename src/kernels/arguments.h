// The arrays behind the arguments of a call, as the folder of each operation lists them: for whoever moves them to a
// device.
#pragma once
#include <memory>
#include <vector>

#include "kernels/device_copies.h"
#include "kernels/scratch.h"

namespace mxpath {

/// Each call below takes a pointer of the arguments and leaves one to the copy on the device there; null stays null.
class Arguments {
 public:
  Arguments(DeviceCopies& copies, const KernelPath& path) : copies_(copies), path_(path) {}

  const KernelPath& path() const { return path_; }
  /// `count` elements that the row reads.
  template <class T>
  void in(const T*& array, int64_t count) {
    array = copies_.in(array, count);
  }
  /// `rows` rows of `width` elements, `stride` apart.
  template <class T>
  void in(const T*& array, int64_t rows, int64_t stride, int64_t width) {
    in(array, strided(rows, stride, width));
  }
  /// Elements that the row writes, and may read; they come back whole.
  template <class T>
  void in_out(T*& array, int64_t count) {
    array = copies_.in_out(array, count);
  }
  template <class T>
  void in_out(T*& array, int64_t rows, int64_t stride, int64_t width) {
    in_out(array, strided(rows, stride, width));
  }
  /// Codes and scales; the matrix itself is a struct that the row reads on the host.
  void matrix(const PackedMatrix*& matrix) { matrix = copies_.matrix(*matrix); }
  /// What the row says it keeps (KernelPath::scratch), full of NaN. After everything that its shape is taken from was
  /// listed or not.
  template <class Args>
  void scratch(Args& args) {
    args.scratch = copies_.scratch(scratch_bytes(path_, args, 1));
  }
  /// A struct of pointers that were listed, which the row reads on the host; it lives as long as this list.
  template <class T>
  const T* held(const T& value) {
    auto copy = std::make_shared<T>(value);
    held_.push_back(copy);
    return copy.get();
  }

 private:
  /// Elements from the first to the last of rows that lie `stride` apart.
  static int64_t strided(int64_t rows, int64_t stride, int64_t width) {
    return rows > 0 ? (rows - 1) * stride + width : 0;
  }

  DeviceCopies& copies_;
  const KernelPath& path_;
  std::vector<std::shared_ptr<void>> held_;
};

}  // namespace mxpath
