// A head of its own beside embeddings that config.json calls tied.
#include <gtest/gtest.h>

#include "checkpoint/bad_checkpoint_for_test.h"
#include "checkpoint/random_checkpoint.h"

namespace mxpath {
namespace {

class TiedHead : public BadCheckpoint {
 protected:
  void SetUp() override {
    write_tiny(folder_ / "m");
    change_config("tie_word_embeddings", true);
  }
};

/// It was left out: "tensor lm_head.weight is not used", and the embedding took its place.
TEST_F(TiedHead, IsUsedAndSaid) {
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_NE(manifest->find(Role::head), nullptr);
  EXPECT_FALSE(manifest->config.tied_embeddings);
  EXPECT_EQ(manifest->decisions,
            std::vector<std::string>{"config.json ties the head to the embedding, but the weights hold a head of their "
                                     "own (lm_head.weight), which is used"});
  for (const std::string& remark : manifest->remarks) EXPECT_EQ(remark.find("not used"), std::string::npos) << remark;
}

/// Whether its numbers are the embedding's makes no difference: a model of a file is what the file says.
TEST_F(TiedHead, OfTheSameNumbersTakesTheSameWay) {
  change_tensors([](std::vector<LooseTensor>& tensors) {
    const auto named = [&](std::string_view name) { return std::ranges::find(tensors, name, &LooseTensor::name); };
    named("lm_head.weight")->bytes = named("model.embed_tokens.weight")->bytes;
  });
  const auto manifest = open_manifest(folder_ / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_NE(manifest->find(Role::head), nullptr);
  EXPECT_EQ(manifest->decisions.size(), 1u);
}

TEST_F(TiedHead, OfAnotherShapeIsNotOfThisModel) {
  change_tensors([](std::vector<LooseTensor>& tensors) {
    std::ranges::find(tensors, "lm_head.weight", &LooseTensor::name)->shape = {64, 512};
  });
  expect_problem({"lm_head.weight has the shape"});
}

}  // namespace
}  // namespace mxpath
