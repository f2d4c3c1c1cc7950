#include "app/reports/bench.h"

#include <gtest/gtest.h>

#include "app/dirs.h"
#include "app/machine_here.h"
#include "app/model_shape.h"
#include "app/reports/bench_report.h"
#include "base/hint.h"
#include "base/json.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/weight_pools.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

struct Loaded {
  Machine machine = machine_here(Measure::never, "");
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<Session> session;

  explicit Loaded(int context, StoredExperts stored = StoredExperts::as_config) {
    ThreadPool threads(1);
    Checkpoint weights =
        random_weights_in_memory(promised_manifest(tiny_config(), stored, "tiny").value(), 1, threads).value();
    Policy policy;
    policy.device = DeviceChoice::cpu, policy.threads = 2, policy.context = context;
    model = load_model(std::move(weights), catalogue(), machine, policy).value();
    session = std::make_unique<Session>(Session::create(model->model, *model->threads).value());
  }
  BenchResult measure(const BenchOptions& options) { return bench(*model, *session, machine, options).value(); }
};

TEST(Bench, MeasuresWhatIsAskedInAContextThatJustHoldsIt) {
  const BenchOptions options{.prompts = {30, 0, 7}, .depths = {0, 20}, .tokens = 9, .repeat = 2};
  const int longest = longest_text(options);
  EXPECT_EQ(longest, 20 + 1 + warm_up_steps + 9);
  const BenchResult result = Loaded(longest).measure(options);
  ASSERT_EQ(result.prompts.size(), 2u);
  EXPECT_EQ(result.prompts[0].tokens, 30);
  EXPECT_EQ(result.prompts[1].tokens, 7);
  for (const Measurement& m : result.prompts) EXPECT_EQ(m.seconds.size(), 2u);
  ASSERT_EQ(result.steps.size(), 2u);
  EXPECT_EQ(result.steps[1].depth, 20);
  for (const Measurement& m : result.steps) {
    EXPECT_EQ(m.seconds.size(), 9u);
    EXPECT_GT(m.rate(0.5), 0);
    EXPECT_LE(m.rate(0.95), m.rate(0.05));
  }
}

TEST(Bench, SaysWhichRowsRanAndHowOften) {
  Loaded loaded(64);
  const BenchResult result = loaded.measure({.prompts = {40}, .depths = {0}, .tokens = 2, .repeat = 1});
  const Plan& plan = loaded.model->model.plan;
  const auto calls = [](const std::map<std::string, int>& paths, const KernelPath& path) {
    return paths.at(std::string(path.name));
  };
  const KernelPath& block = plan.find_block(SiteId::experts_block, 0)->plan.path_for({1});
  const KernelPath& product = block.fuses.empty() ? plan.site(SiteId::gate_up).path_for({1}) : block;
  EXPECT_EQ(calls(result.step_paths, product), 2) << "two layers";
  EXPECT_EQ(calls(result.step_paths, plan.site(SiteId::norm).path_for({1})), 5);
  EXPECT_EQ(calls(result.step_paths, plan.site(SiteId::sample).path_for({1})), 1);
  EXPECT_EQ(calls(result.prompt_paths, plan.site(SiteId::down).path_for({40})), 2);
}

TEST(Bench, OneOfTheTwoCanBeLeftOut) {
  Loaded loaded(64);
  const BenchResult steps = loaded.measure({.prompts = {0}, .depths = {0}, .tokens = 2});
  EXPECT_TRUE(steps.prompts.empty() && steps.prompt_paths.empty());
  EXPECT_EQ(steps.steps.size(), 1u);
  const BenchResult prompts = loaded.measure({.prompts = {5}, .depths = {0}, .tokens = 0});
  EXPECT_TRUE(prompts.steps.empty() && prompts.step_paths.empty());
  EXPECT_EQ(prompts.prompts.size(), 1u);
}

TEST(Bench, StopsWhenToldAndKeepsWhatItHas) {
  Loaded loaded(200);
  int asked = 0;
  const BenchResult result = loaded.measure(
      {.prompts = {10}, .depths = {0}, .tokens = 150, .repeat = 3, .seed = 1, .go_on = [&] { return ++asked < 60; }});
  EXPECT_EQ(result.prompts.size(), 1u);
  ASSERT_EQ(result.steps.size(), 1u);
  EXPECT_GT(result.steps[0].seconds.size(), 10u);
  EXPECT_LT(result.steps[0].seconds.size(), 60u);
  EXPECT_TRUE(
      loaded
          .measure({.prompts = {10}, .depths = {0}, .tokens = 5, .repeat = 3, .seed = 1, .go_on = [] { return false; }})
          .prompts.empty());
}

TEST(Bench, ShortensNothingForBf16Experts) {
  Loaded loaded(64, StoredExperts::bf16);
  EXPECT_EQ(loaded.model->checkpoint.manifest().layout, CheckpointLayout::hugging_face_bf16);
  EXPECT_EQ(loaded.measure({.prompts = {5}, .depths = {0}, .tokens = 2, .repeat = 1}).steps.size(), 1u);
}

TEST(Measurement, QuantilesAreOfTheMeasuredValues) {
  const Measurement m{.tokens = 10, .depth = 0, .seconds = {4, 1, 2, 8, 5}, .expected = {}};
  EXPECT_EQ(m.quantile(0), 1);
  EXPECT_EQ(m.quantile(0.5), 4);
  EXPECT_EQ(m.quantile(1), 8);
  EXPECT_EQ(m.rate(0.5), 2.5);
}

TEST(BenchReport, SharesAndPredictionsStandBesideTheFigures) {
  Loaded loaded(64);
  BenchReport report;
  report.model = "tiny", report.machine = &loaded.machine, report.loaded = loaded.model.get();
  Measurement step{.tokens = 1, .depth = 8, .seconds = {0.5, 0.25, 0.25}, .expected = {}};
  step.expected = {.bytes = 1e9,
                   .flops = 1e9,
                   .predicted = 0.2,
                   .memory_seconds = 0.1,
                   .compute_seconds = 0.01,
                   .roof = 0.1,
                   .best_roof = 0.1};
  report.result.steps = {step};
  const Json json = to_json(report)["decode"][0];
  EXPECT_EQ(json["tokens_per_second"], 4.0);
  EXPECT_EQ(json["low"], 2.0);
  EXPECT_EQ(json["predicted"], 5.0);
  EXPECT_DOUBLE_EQ(json["roof_share"].get<double>(), 0.4);
  EXPECT_EQ(json["gb_per_second"], 4.0);
  EXPECT_EQ(json["roof_gb_per_second"], 10.0);
  const std::string text = to_text(report, false), last = text.substr(text.rfind("decode after 8"));
  EXPECT_NE(last.find(" 40%  4.00 of 10.0 GB/s\n"), std::string::npos) << last;
  EXPECT_EQ(last.find("above 100%"), std::string::npos);
  report.result.steps[0].expected.roof = 0.3;
  EXPECT_NE(to_text(report, false).find("above 100%"), std::string::npos);
}

TEST(ModelShape, NamesAndFiles) {
  const ModelPlaces places = model_places();
  EXPECT_EQ(model_shape("20b", places).value().layers, 24);
  EXPECT_EQ(model_shape("120b", places).value().experts, 128);
  EXPECT_EQ(model_shape("demo", places).value().hidden, 256);
  const std::string folder = MXPATH_SOURCE_DIR "/tests/data/checkpoint/gpt-oss-20b";
  for (const std::string& typed : {folder, folder + "/config.json"})
    EXPECT_EQ(model_shape(typed, places).value().vocab, 201088) << typed;
  EXPECT_EQ(in_words(model_shape("7b", places).error().message),
            "shape=7b: choose 20b, 120b, demo, tiny, or give a config.json");
  EXPECT_NE(model_shape("none.json", places).error().message.find("none.json: no such file"), std::string::npos);
  EXPECT_FALSE(model_shape("", places).ok());
}

/// The built-in shapes are those of the public models, to the last field that matters for speed.
TEST(ModelShape, BuiltInIsWhatTheHubSays) {
  for (const char* name : {"20b", "120b"}) {
    const ModelConfig built_in = model_shape(name, {}).value();
    const ModelConfig hub =
        model_shape(MXPATH_SOURCE_DIR "/tests/data/checkpoint/gpt-oss-" + std::string(name), {}).value();
    const auto facts = [](const ModelConfig& c) {
      return std::tuple(c.layers, c.experts, c.experts_per_token, c.hidden, c.intermediate, c.heads, c.kv_heads,
                        c.head_dim, c.vocab, c.max_positions, c.sliding_window, c.sliding, c.tied_embeddings,
                        c.quantized_mxfp4);
    };
    EXPECT_EQ(facts(built_in), facts(hub)) << name;
  }
}

TEST(ModelShape, Mxfp4NeedsBlocks) {
  ModelConfig odd = tiny_config();
  odd.intermediate = 100;
  EXPECT_NE(promised_manifest(odd, StoredExperts::mxfp4, "odd").error().message.find("multiples of 32"),
            std::string::npos);
  EXPECT_EQ(promised_manifest(odd, StoredExperts::as_config, "odd").value().layout,
            CheckpointLayout::hugging_face_bf16);
}

}  // namespace
}  // namespace mxpath
