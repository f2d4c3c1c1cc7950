// Numbers that are none: wherever a forward makes the first NaN or infinity, every way to use it stops with a sentence
// that says where.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"
#include "loose_checkpoint.h"

namespace mxpath {
namespace {

using test::LooseCheckpoint;

constexpr int32_t bad = 77;  // a token whose embedding no forward can bear
constexpr int hidden = 64;
const std::vector<int32_t> text = {5, 17, 300, 2, 99, 411, 8, 8, 1, 63, 250, 7};

struct Loaded {
  std::unique_ptr<LoadedModel> model;
  std::optional<Session> session;
};
Loaded load(const std::string& folder, const Policy& policy = {}) {
  Loaded out;
  auto loaded = load_model(folder, catalogue(), test::cpu_of_this_machine(), policy, {});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  if (!loaded.ok()) return out;
  out.model = std::move(loaded).value();
  out.session = Session::create(out.model->model, *out.model->threads).value();
  return out;
}

GenerateOptions some(int tokens, float temperature = 0, bool use_cache = true) {
  GenerateOptions options;
  options.max_new_tokens = tokens, options.sampling.temperature = temperature, options.use_cache = use_cache;
  return options;
}

template <class T>
std::string error_of(const Result<T>& result) {
  EXPECT_FALSE(result.ok());
  return result.ok() ? "" : result.error().message;
}

void expect_says(const std::string& error, std::initializer_list<std::string> parts) {
  for (const std::string& part : parts)
    EXPECT_NE(error.find(part), std::string::npos) << part << "\nis not in: " << error;
}

/// Every value of one tensor becomes `size`, with alternating signs if it is to cancel into NaN.
void blow_up(LooseCheckpoint& c, const std::string& name, float size, bool alternating) {
  c.store(name, Dtype::bf16, [=](float, size_t i) { return alternating && i / 3 % 2 ? -size : size; });
}

struct Place {
  const char* name;
  const char* tensor;
  float size;
  bool alternating;
  const char* says;
};
const Place places[] = {
    {"query", "model.layers.1.self_attn.q_proj.weight", 3e38f, false, "the attention of layer 1 is the first"},
    {"value", "model.layers.0.self_attn.v_proj.weight", 3e38f, true, "the attention of layer 0 is the first"},
    {"output", "model.layers.1.self_attn.o_proj.weight", 3e38f, false, "the attention of layer 1 is the first"},
    {"router", "model.layers.1.mlp.router.weight", 3e38f, true, "the experts of layer 1 are the first"},
    {"gate_up", "model.layers.0.mlp.experts.gate_up_proj", 3e38f, true, "the experts of layer 0 are the first"},
    {"down", "model.layers.1.mlp.experts.down_proj", 3e38f, true, "the experts of layer 1 are the first"},
    {"head", "lm_head.weight", 3e38f, true, "the head is the first"},
    // Finite, but its square is not: a norm that divides by infinity would make zeros of it.
    {"embedding", "model.embed_tokens.weight", 1e25f, false, "the attention of layer 0 is the first"},
};

class NotFiniteIn : public testing::TestWithParam<Place> {};

TEST_P(NotFiniteIn, IsFoundWhereItBegins) {
  const Place& place = GetParam();
  LooseCheckpoint checkpoint;
  blow_up(checkpoint, place.tensor, place.size, place.alternating);
  const std::string folder = checkpoint.write("model");
  for (const char* family : {"*", "*.cpu.portable.*", "*.cpu.avx2.*"}) {
    Policy policy;
    if (std::string_view(family) != "*") policy.only = {family};
    if (!make_plan(open_manifest(folder).value(), catalogue(), test::cpu_of_this_machine(), policy).ok()) continue;
    Loaded m = load(folder, policy);
    ASSERT_TRUE(m.session);
    expect_says(error_of(m.session->score(text, 3)),
                {"the logits at position 0 of the text are not finite", place.says, "at position 0"});
    expect_says(error_of(m.session->generate(text, some(3))),
                {"the logits at position 11 of the text are not finite", place.says});
    expect_says(error_of(m.session->generate(text, some(3, 1))),
                {"the logits at position 11 of the text are not finite", place.says});
  }
}

INSTANTIATE_TEST_SUITE_P(Places, NotFiniteIn, testing::ValuesIn(places),
                         [](const auto& param) { return std::string(param.param.name); });

/// One token of the vocabulary breaks the forward; all others are as ever.
std::string folder_with_a_bad_token(LooseCheckpoint& checkpoint) {
  checkpoint.change("model.embed_tokens.weight", [](float x, size_t i) { return i / hidden == bad ? 3e38f : x; });
  return checkpoint.write("model");
}

TEST(NotFinite, AtEveryStageOfAText) {
  LooseCheckpoint checkpoint;
  const std::string folder = folder_with_a_bad_token(checkpoint);
  for (const int chunk : {1, 3, 512}) {
    Policy policy;
    policy.chunk = chunk;
    Loaded m = load(folder, policy);
    ASSERT_TRUE(m.session);
    Session& session = *m.session;
    const auto sound = session.generate(text, some(4));
    ASSERT_TRUE(sound.ok()) << sound.error().message;

    std::vector<int32_t> turn = text;  // the cache holds all but the last two
    turn.push_back(bad), turn.push_back(3);
    expect_says(error_of(session.generate(turn, some(4))),
                {"at position 13 of the text are not finite", "layer 0", ", at position 12;"});
    expect_says(error_of(session.generate(turn, some(4, 0, false))),
                {"at position 13 of the text", ", at position 12;"});
    expect_says(error_of(session.generate(std::vector<int32_t>{bad}, some(4, 0.7f))), {"at position 0 of the text"});
    expect_says(error_of(session.score(turn, 0)), {"the logits at position 12 of the text", ", at position 12;"});

    const auto again = session.generate(text, some(4));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->tokens, sound->tokens) << "nothing of a broken text stays in the cache";
  }
}

TEST(NotFinite, AfterManyTokensOfAnAnswer) {
  LooseCheckpoint checkpoint;
  const std::string folder = folder_with_a_bad_token(checkpoint);
  Loaded m = load(folder);
  ASSERT_TRUE(m.session);
  const auto sampled = [&](bool use_cache) {
    GenerateOptions options = some(0, 100, use_cache);  // so hot that every token comes up before long
    int count = 0;
    options.on_token = [&](int32_t token) { return ++count, token != bad || count < 4000; };
    const auto result = m.session->generate(text, options);
    return std::pair(result.ok() ? "" : result.error().message, count);
  };
  for (const bool use_cache : {true, false}) {
    const auto [error, count] = sampled(use_cache);
    ASSERT_GT(count, 0);
    expect_says(error, {"layer 0", "the logits at position " +
                                       std::to_string(text.size() - 1 + static_cast<size_t>(count)) + " of the text"});
  }
}

TEST(NotFinite, NamesTheFormatThatMayBeTheCause) {
  LooseCheckpoint checkpoint;
  blow_up(checkpoint, "model.layers.0.self_attn.v_proj.weight", 3e38f, true);
  const std::string folder = checkpoint.write("model");
  expect_says(error_of(load(folder).session->generate(text, some(1))), {"the weights are held as stored", "diverged"});
  Policy policy;
  ASSERT_TRUE(set_weights(policy, "int8").ok());
  expect_says(error_of(load(folder, policy).session->generate(text, some(1))),
              {"moe.gate_up, moe.down as int8", "hold them as stored"});
}

}  // namespace
}  // namespace mxpath
