// That random weights are such as a model could have.
#include "checkpoint/random_checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "checkpoint/check_values.h"
#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

TEST(RandomWeights, AreNumbers) {
  TestFolder folder;
  for (const auto layout :
       {CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::hugging_face_bf16, CheckpointLayout::openai_original}) {
    write_tiny(folder / "m", layout);
    const auto checkpoint = Checkpoint::open(folder / "m").value();
    for (const auto& t : checkpoint.manifest().tensors) EXPECT_TRUE(check_tensor(checkpoint, t).ok()) << t.name;
  }
}

TEST(RandomWeights, KeepActivationsNearOne) {
  TestFolder folder;
  write_tiny(folder / "m");
  const auto checkpoint = Checkpoint::open(folder / "m").value();
  for (const Role role : {Role::q_weight, Role::o_weight, Role::gate_up_weight, Role::down_weight}) {
    const auto& t = *checkpoint.manifest().find(role, 1);
    double squares = 0;
    std::vector<float> row(static_cast<size_t>(t.columns));
    for (int64_t r = 0; r < t.rows; ++r) {
      checkpoint.decode_row(t, t.experts - 1, r, row);
      squares = std::inner_product(row.begin(), row.end(), row.begin(), squares);
    }
    const double gain = std::sqrt(squares / static_cast<double>(t.rows));  // of a vector of unit variance
    EXPECT_GT(gain, 0.6) << t.name;
    EXPECT_LT(gain, 1.7) << t.name;
  }
}

}  // namespace
}  // namespace mxpath
