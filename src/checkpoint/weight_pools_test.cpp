#include "checkpoint/weight_pools.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "checkpoint/random_checkpoint.h"
#include "checkpoint/summary.h"

namespace mxpath {
namespace {

ModelConfig shape(bool mxfp4 = true) {
  ModelConfig config = tiny_config();
  config.quantized_mxfp4 = mxfp4;
  return config;
}

Checkpoint fill(const ModelConfig& config, int threads = 2, uint64_t seed = 1) {
  ThreadPool pool(threads);
  return random_weights_in_memory(manifest_from_config(config, "tiny"), seed, pool).value();
}

double root_mean_square(const std::vector<float>& row) {
  double sum = 0;
  for (const float value : row) sum += double(value) * value;
  return std::sqrt(sum / double(row.size()));
}

TEST(WeightPools, EveryValueIsSmallAndFinite) {
  for (const bool mxfp4 : {true, false}) {
    const Checkpoint checkpoint = fill(shape(mxfp4));
    for (const TensorRecord& record : checkpoint.manifest().tensors) {
      const bool norm = record.name.find("norm") != std::string::npos;
      std::vector<float> row(static_cast<size_t>(record.columns));
      for (int64_t r = 0; r < record.rows; ++r) {
        checkpoint.decode_row(record, record.experts - 1, r, row);
        for (const float value : row) {
          ASSERT_LE(std::abs(value), norm                                        ? 1.25
                                     : record.encoding == Encoding::mxfp4_blocks ? 6 * std::exp2(-6)
                                                                                 : std::exp2(-4))
              << record.name;
          ASSERT_TRUE(!norm || value >= 1) << record.name;
        }
      }
    }
  }
}

TEST(WeightPools, RowsKeepTheSizeOfWhatGoesThrough) {
  const Checkpoint checkpoint = fill(shape());
  for (const Role role : {Role::q_weight, Role::gate_up_weight}) {
    const TensorRecord& record = *checkpoint.manifest().find(role, 0);
    std::vector<float> row(static_cast<size_t>(record.columns));
    checkpoint.decode_row(record, 0, 1, row);
    EXPECT_GT(root_mean_square(row), 0.01) << record.name;
    EXPECT_LT(root_mean_square(row), 0.1) << record.name;
  }
}

TEST(WeightPools, TensorsLieAtAlignedPlacesOfTheirOwn) {
  const Checkpoint checkpoint = fill(shape());
  std::set<std::pair<int, uint64_t>> places;
  for (const TensorRecord& record : checkpoint.manifest().tensors) {
    EXPECT_EQ(record.data.offset % 64, 0u) << record.name;
    EXPECT_EQ(checkpoint.data(record).size(), record.data.bytes) << record.name;
    EXPECT_EQ(checkpoint.scales(record).size(), record.scales.bytes) << record.name;
    places.emplace(record.data.file, record.data.offset);
  }
  EXPECT_GT(places.size(), checkpoint.manifest().tensors.size() * 9 / 10) << "a few may meet by chance";
}

TEST(WeightPools, BytesFollowFromTheSeedAlone) {
  const Checkpoint one = fill(shape(), 1), three = fill(shape(), 3), other = fill(shape(), 3, 2);
  bool differs = false;
  for (size_t i = 0; i < one.manifest().tensors.size(); ++i) {
    const auto a = one.data(one.manifest().tensors[i]), b = three.data(three.manifest().tensors[i]),
               c = other.data(other.manifest().tensors[i]);
    EXPECT_TRUE(std::ranges::equal(a, b)) << one.manifest().tensors[i].name;
    differs |= !std::ranges::equal(a, c);
  }
  EXPECT_TRUE(differs);
}

TEST(WeightPools, LargeShapesTakeTheirLargestTensorOnly) {
  const Manifest small = manifest_from_config(gpt_oss_20b_config(), "20b"),
                 large = manifest_from_config(gpt_oss_120b_config(), "120b");
  EXPECT_NEAR(double(weight_pool_bytes(small)), 1.44e9, 0.02e9);
  EXPECT_NEAR(double(weight_pool_bytes(large)), 2.29e9, 0.03e9);
  EXPECT_GT(summarise(small).bytes, 9 * weight_pool_bytes(small));
}

TEST(WeightPools, ReleasingKeepsThem) {
  const Checkpoint checkpoint = fill(shape());
  const TensorRecord& record = *checkpoint.manifest().find(Role::embedding);
  const std::vector<uint8_t> before(checkpoint.data(record).begin(), checkpoint.data(record).end());
  checkpoint.release(record);
  checkpoint.release(record, 0, record.data.bytes);
  EXPECT_TRUE(std::ranges::equal(checkpoint.data(record), before));
}

TEST(InMemory, ATensorOutsideItsBufferIsAnError) {
  for (const int file : {0, 1}) {
    Manifest manifest = manifest_from_config(shape(), "tiny");
    manifest.tensors.resize(1);
    manifest.tensors[0].data = {file, 64, 128};
    std::vector<Buffer> memory;
    memory.push_back(Buffer::allocate(191).value());
    const auto checkpoint = Checkpoint::in_memory(std::move(manifest), std::move(memory));
    ASSERT_FALSE(checkpoint.ok());
    EXPECT_EQ(checkpoint.error().message, file ? "tiny: 128 bytes from 64 on lie outside buffer 1"
                                               : "tiny: 128 bytes from 64 on lie outside buffer 0");
  }
}

}  // namespace
}  // namespace mxpath
