// --weights and --dense-weights: words, sizes, refusals, and what a plan says about them.
#include <gtest/gtest.h>

#include "base/hint.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/explain.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

using test::cpu_machine;

constexpr CpuFeatures avx512{CpuFeature::avx2, CpuFeature::avx512};

Manifest manifest() { return manifest_from_config(test::small_config(), "test"); }

/// Of the small model: 4 layers of 8 experts.
constexpr uint64_t gate_up_values = 4ull * 8 * 5760 * 2880, down_values = gate_up_values / 2;

TEST(Formats, ConversionIsAConcessionThatSaysWhetherItLoses) {
  struct Case {
    const char* word;
    Layout layout;
    const char* concession;
    uint64_t bytes_of_both;  // of gate_up and down
  };
  constexpr uint64_t values = gate_up_values + down_values, rows = 4 * 8 * (5760 + 2880);
  const Case cases[] = {
      {"fp32", Layout::fp32_rows, "as fp32, stored as mxfp4, without loss", values * 4},
      {"fp16", Layout::fp16_rows, "as fp16, stored as mxfp4, perhaps with loss", values * 2},
      {"bf16", Layout::bf16_rows, "as bf16, stored as mxfp4, without loss", values * 2},
      {"fp8-e4m3", Layout::fp8_e4m3_rows, "as fp8-e4m3, stored as mxfp4, with loss", values + rows * 4},
      {"fp8-e5m2", Layout::fp8_e5m2_rows, "as fp8-e5m2, stored as mxfp4, with loss", values + rows * 4},
      {"int8", Layout::int8_rows, "as int8, stored as mxfp4, with loss", values + rows * 4},
      {"int4", Layout::int4_g32_rows, "as int4-g32, stored as mxfp4, with loss", values / 2 + values / 8},
      {"int4-g64", Layout::int4_g64_rows, "as int4-g64, stored as mxfp4, with loss", values / 2 + values / 16},
      {"nf4", Layout::nf4_g64_rows, "as nf4-g64, stored as mxfp4, with loss", values / 2 + values / 16},
      {"nf4-g32", Layout::nf4_g32_rows, "as nf4-g32, stored as mxfp4, with loss", values / 2 + values / 8}};
  const auto stored = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), {});
  for (const Case& c : cases) {
    Policy policy;
    ASSERT_TRUE(set_weights(policy, c.word).ok());
    const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), policy);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(plan->site(SiteId::down).layout, c.layout);
    EXPECT_EQ(plan->site(SiteId::head).layout, stored->site(SiteId::head).layout) << "it speaks about the experts only";
    EXPECT_EQ(plan->concessions.front().text, fmt::format("moe.gate_up holds its weights {}", c.concession));
    ASSERT_EQ(plan->conversions.size(), 1u);
    const Conversion& conversion = plan->conversions.front();
    EXPECT_EQ(conversion.sites, (std::vector<std::string>{"moe.gate_up", "moe.down"}));
    EXPECT_EQ(conversion.bytes_before, values / 2 + values / 32);
    EXPECT_EQ(conversion.bytes_after, c.bytes_of_both) << c.word;
    EXPECT_EQ(plan->memory().weights - c.bytes_of_both, stored->memory().weights - conversion.bytes_before)
        << "nothing else changes its size";
    EXPECT_NE(explain(*plan, false).find("converts  " + to_string(conversion) + "\n"), std::string::npos);
    EXPECT_EQ(plan_to_json(*plan)["conversions"][0]["bytes_after"], c.bytes_of_both);
    policy.strict = true;
    EXPECT_EQ(check_strict(*plan, policy).error().kind, ErrorKind::refused);
  }
}

TEST(Formats, DenseWeightsAreTheProjectionsAndTheHead) {
  Policy policy;
  ASSERT_TRUE(set_dense_weights(policy, "int8").ok());
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_TRUE(plan.ok());
  for (const SitePlan& site : plan->sites) {
    const bool dense = site.site.row().held_by == HeldBy::dense_weights;
    EXPECT_EQ(site.site.has_weights() && site.site.format == NumberFormat::int8, dense) << site.site.name();
  }
  // 2 bytes × 2880 × (4 × (5120 + 4096) + 4096)
  EXPECT_EQ(to_string(plan->conversions.at(0)).substr(0, 60),
            "attention.qkv, attention.output, head: bf16 to int8, 225 MiB");
}

TEST(Formats, CountedLossReplacesTheGuess) {
  const Conversion conversion{NumberFormat::bf16, NumberFormat::mxfp4, {"moe.down"}, 1, 1000, 2000, 531};
  EXPECT_EQ(to_string(conversion), "moe.down: bf16 to mxfp4, 1.95 KiB to 531 B, perhaps with loss");
  EXPECT_EQ(to_string(conversion, 0), "moe.down: bf16 to mxfp4, 1.95 KiB to 531 B, without loss");
  EXPECT_EQ(to_string(conversion, 125),
            "moe.down: bf16 to mxfp4, 1.95 KiB to 531 B, with loss: 12.5 % of the values rounded");
}

TEST(Formats, AsStoredIsNoConversion) {
  Policy policy;
  ASSERT_TRUE(set_weights(policy, "mxfp4").ok() && set_dense_weights(policy, "bf16").ok());
  const auto plan = make_plan(manifest(), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->conversions.empty());
  policy.strict = true;
  EXPECT_TRUE(check_strict(*plan, policy).ok());
}

TEST(Formats, QuantisingABf16CheckpointToMxfp4IsAllowed) {
  ModelConfig c = test::small_config();
  c.quantized_mxfp4 = false;
  Policy policy;
  ASSERT_TRUE(set_weights(policy, "mxfp4").ok());
  const auto plan = make_plan(manifest_from_config(c, "bf16"), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->site(SiteId::gate_up).layout, Layout::mxfp4_rows16);
  EXPECT_EQ(plan->concessions.front().text,
            "moe.gate_up holds its weights as mxfp4, stored as bf16, perhaps with loss");
}

TEST(Formats, ColumnsThatDoNotDivideIntoGroupsAreRefusedBeforeReading) {
  ModelConfig c = test::small_config();
  c.hidden = 2880 + 32;
  Policy policy;
  ASSERT_TRUE(set_weights(policy, "nf4").ok());
  const auto plan = make_plan(manifest_from_config(c, "wide"), test::catalogue(), cpu_machine(avx512), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(in_words(plan.error().message),
            "weights=nf4-g64: the 2912 columns of moe.gate_up do not divide into groups of 64; choose nf4-g32 or int8");
}

TEST(Formats, WordsAreThoseOfTheCommandLine) {
  Policy policy;
  const std::pair<const char*, WeightFormat> words[] = {
      {"bf16", NumberFormat::bf16},           {"bfloat16", NumberFormat::bf16},
      {"fp8-e4m3", NumberFormat::fp8_e4m3},   {"fp8_e5m2", NumberFormat::fp8_e5m2},
      {"int4", {NumberFormat::int4, 32}},     {"int4-g32", {NumberFormat::int4, 32}},
      {"int4-g64", {NumberFormat::int4, 64}}, {"nf4", {NumberFormat::nf4, 64}},
      {"nf4-g32", {NumberFormat::nf4, 32}},   {"nf4-g64", {NumberFormat::nf4, 64}}};
  for (const auto& [word, format] : words) {
    ASSERT_TRUE(set_weights(policy, word).ok()) << word;
    EXPECT_EQ(policy.weights, format) << word;
    Policy again;
    ASSERT_TRUE(set_weights(again, name_of(format)).ok()) << "the name that reports print is a word too";
    EXPECT_EQ(again.weights, format);
  }
  ASSERT_TRUE(set_weights(policy, "as-stored").ok());
  EXPECT_FALSE(policy.weights.has_value());
  for (const char* word :
       {"", "int", "int8-g32", "bf16-g32", "mxfp4-g64", "mxfp8", "int4-g", "int4-g16", "int4-g064", "-g32"})
    EXPECT_FALSE(set_weights(policy, word).ok()) << word;
  for (const char* word : {"fp16", "int4", "mxfp4", "fp8-e5m2"})
    EXPECT_FALSE(set_dense_weights(policy, word).ok()) << word;
  EXPECT_NE(set_weights(policy, "int4-g128").error().message.find("2880, is not a multiple of 128"), std::string::npos);
  EXPECT_NE(set_weights(policy, "tf32").error().message.find("an arithmetic and not a storage format; choose fp32"),
            std::string::npos);
  EXPECT_EQ(
      in_words(set_dense_weights(policy, "tf32").error().message),
      "dense_weights=tf32: TF32 is an arithmetic and not a storage format; choose as-stored, bf16, fp8-e4m3 or int8");
}

TEST(Formats, LosslessIsWhatHoldsEveryValue) {
  EXPECT_TRUE(is_lossless(NumberFormat::mxfp4, NumberFormat::bf16));
  EXPECT_FALSE(is_lossless(NumberFormat::mxfp4, NumberFormat::fp16));  // 2^-100 is an MXFP4 value
  EXPECT_TRUE(is_lossless(NumberFormat::fp16, NumberFormat::fp32));
  EXPECT_FALSE(is_lossless(NumberFormat::fp16, NumberFormat::bf16));
  EXPECT_FALSE(is_lossless(NumberFormat::bf16, NumberFormat::mxfp4));
  for (NumberFormat format : {NumberFormat::fp32, NumberFormat::fp16, NumberFormat::bf16, NumberFormat::mxfp4})
    EXPECT_TRUE(is_lossless(format, format));
}

/// A faster row than any other, in TF32.
Catalogue with_tf32_row() {
  static const KernelPath row = {.name = "linear.cpu.avx512.tf32",
                                 .op = Op::linear,
                                 .weights = Layout::bf16_rows16,
                                 .arithmetic = Arithmetic::tf32,
                                 .needs = {.cpu = {CpuFeature::avx512}},
                                 .unit = Unit::avx512,
                                 .efficiency = 1};
  Catalogue rows = test::catalogue();
  rows.paths.insert(rows.paths.begin(), &row);
  return rows;
}

TEST(Formats, Tf32IsAnArithmeticThatNeedsFastNumerics) {
  const auto faithful = make_plan(manifest(), with_tf32_row(), cpu_machine(avx512), {});
  ASSERT_TRUE(faithful.ok());
  EXPECT_EQ(faithful->site(SiteId::head).path_for({1}).name, "linear.cpu.avx512.bf16_f32");
  EXPECT_NE(in_words(explain(*faithful, false)).find("needs numerics=fast to compute in tf32"), std::string::npos);
  Policy policy;
  policy.numerics = Numerics::fast, policy.exclude = {"linear.cpu.avx2.int8"};
  const auto fast = make_plan(manifest(), with_tf32_row(), cpu_machine(avx512), policy);
  ASSERT_TRUE(fast.ok());
  EXPECT_EQ(fast->site(SiteId::head).path_for({1}).name, "linear.cpu.avx512.tf32");
  const std::string line = "head rounds activations and weights to tf32 (linear.cpu.avx512.tf32), allowed by " +
                           mention(Knob::numerics, "fast");
  EXPECT_EQ(std::ranges::count(fast->concessions, line, &Concession::text), 1) << "four regimes, one line";
  EXPECT_NE(plan_to_json(*fast).dump().find("\"arithmetic\":\"tf32\""), std::string::npos);
  policy.strict = true;
  EXPECT_EQ(check_strict(*fast, policy).error().kind, ErrorKind::refused);
  policy.numerics = Numerics::checkpoint, policy.only = {"linear.cpu.avx512.tf32"};
  const auto forced = make_plan(manifest(), with_tf32_row(), cpu_machine(avx512), policy);
  ASSERT_FALSE(forced.ok()) << "forcing a path does not allow its arithmetic";
  EXPECT_NE(forced.error().message.find(mention(Knob::numerics, "fast")), std::string::npos);
}

}  // namespace
}  // namespace mxpath
