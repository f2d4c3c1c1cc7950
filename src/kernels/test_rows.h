// What the tests of all kernel folders share: the rows to try, exact and random fills, bounds.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/catalogue.h"
#include "kernels/host_runner.h"
#include "kernels/scratch.h"
#include "kernels/self_check_problem.h"
#include "layout/packed_matrix.h"
#include "machine/machine.h"

namespace mxpath {

inline constexpr float poison = std::numeric_limits<float>::quiet_NaN();

/// A row as a test parameter; gtest prints its name.
struct Row {
  const KernelPath* path;
};
inline void PrintTo(const Row& row, std::ostream* out) { *out << row.path->name; }
inline std::string test_name(const testing::TestParamInfo<Row>& info) {
  std::string name(info.param.path->name);
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
}
inline std::vector<Row> rows_of(std::initializer_list<Op> ops) {
  std::vector<Row> rows;
  for (const KernelPath* path : catalogue().paths)
    for (Op op : ops)
      if (path->op == op && path->built) rows.push_back({path});
  return rows;
}

/// What keeps this computer from running a row; empty if nothing does.
inline std::string obstacle(const KernelPath& path) {
  static const Machine machine = probe_machine();
  if (path.device == DeviceKind::cuda) {
    if (machine.gpus.empty()) return "no CUDA device (" + machine.no_gpu_reason + ")";
    const Gpu& gpu = machine.gpus.front();
    if (!path.needs.arch.contains(gpu.arch))
      return "it needs " + path.needs.arch.to_string() + "; this GPU is " + gpu.arch.to_string();
    if (gpu.driver < path.needs.driver) return "the driver is too old";
  }
  const CpuFeatures missing = path.needs.cpu.without(machine.cpu.features);
  return missing.empty() ? "" : "this CPU has no " + missing.to_string();
}

/// A test of every row of an operation; rows that cannot run here are skipped.
class RowTest : public testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
    if (const std::string why = obstacle(path()); !why.empty()) GTEST_SKIP() << path().name << ": " << why;
  }
  const KernelPath& path() const { return *GetParam().path; }
};

inline HostRunner& host_runner() {
  static HostRunner runner;
  return runner;
}

/// Runs the row itself, nothing that merely stands for it, and records which one it was. Everything lies in host
/// memory.
template <class Args>
void run_row(const KernelPath& path, const Args& args) {
  testing::Test::RecordProperty("row", std::string(path.name));
  const Status status = host_runner().run(path, args);
  ASSERT_TRUE(status.ok()) << path.name << ": " << status.error().message;
}

inline const KernelPath& portable_row(Op op) {
  for (const KernelPath* path : catalogue().paths)
    if (path->op == op && is_floor(*path) && path->device == DeviceKind::cpu) return *path;
  ADD_FAILURE() << "no portable row for " << name_of(op);
  return *catalogue().paths.front();
}

inline std::vector<Layout> layouts_of(const KernelPath& path) {
  if (path.weights != Layout::any) return {path.weights};
  std::vector<Layout> all;
  for (int i = static_cast<int>(Layout::fp32_rows); i < layout_count; ++i) all.push_back(static_cast<Layout>(i));
  return all;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// The first place where two results differ, for a message.
inline std::string first_difference(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (std::memcmp(&a[i], &b[i], 4) != 0)
      return "at " + std::to_string(i) + ": " + std::to_string(a[i]) + " and " + std::to_string(b[i]);
  return a.size() == b.size() ? "none" : "sizes differ";
}

/// A matrix in some layout with the memory it lies in.
struct TestMatrix {
  std::vector<uint8_t> memory;
  PackedMatrix view;
  std::vector<float> values;  // what decode_row gives, [experts][rows][columns]
};
inline TestMatrix pack_test_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns,
                                   const std::vector<float>& values) {
  TestMatrix matrix;
  matrix.memory.resize(layout_bytes(layout, experts, rows, columns) + 64);
  uint8_t* start = matrix.memory.data() + (64 - reinterpret_cast<uintptr_t>(matrix.memory.data()) % 64) % 64;
  matrix.view = pack_floats(layout, experts, rows, columns, values, {start, matrix.memory.size() - 64});
  matrix.values = values;
  return matrix;
}

/// Values of the MXFP4 grid with all sixteen codes, so that every float layout holds them exactly too: scales 2^-2 …
/// 2^2 (exact sums need a narrow range) or 2^-12 … 2^4.
inline std::vector<float> mxfp4_values(Random& random, int64_t count, bool exact) {
  static constexpr float magnitudes[8] = {0, .5f, 1, 1.5f, 2, 3, 4, 6};
  std::vector<float> values(static_cast<size_t>(count));
  float scale = 1;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 32 == 0) scale = std::ldexp(1.0f, static_cast<int>(exact ? random.integer(-2, 2) : random.integer(-12, 4)));
    const float value = magnitudes[random.integer(0, 7)] * scale;
    values[i] = random.integer(0, 1) ? -value : value;
  }
  return values;
}

/// Whether the values of mxfp4_values stay what they are in a layout.
inline bool holds_mxfp4_values(Layout layout) {
  const NumberFormat format = format_of(layout);
  return format == NumberFormat::mxfp4 || format == NumberFormat::bf16 || format == NumberFormat::fp16 ||
         format == NumberFormat::fp32;
}

/// `values` as the layout holds them, rows of k; or others of the kind where it does not hold them.
inline std::vector<float> values_for(Layout layout, std::vector<float> values, int64_t k, bool exact, uint64_t seed) {
  if (holds_mxfp4_values(layout)) return values;
  Random random(seed);
  for (size_t begin = 0; begin < values.size(); begin += static_cast<size_t>(k))
    fill_known_row(layout, std::span(values).subspan(begin, static_cast<size_t>(k)), exact, random);
  return values;
}

inline std::vector<float> activations(Random& random, int64_t count, bool exact) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values)
    value = exact ? static_cast<float>(random.integer(-4, 4)) : static_cast<float>(random.uniform(-2, 2));
  return values;
}

}  // namespace mxpath
