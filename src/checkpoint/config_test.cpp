#include "checkpoint/config.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/test_folder.h"
#include "checkpoint/write_config.h"

namespace mxpath {
namespace {

Json public_20b() { return parse_json(test_data("gpt-oss-20b/config.json"), "20b").value(); }

Result<ModelConfig> parse(const Json& json) { return parse_config(json.dump(), "c"); }

/// 20b with one field set (null: removed).
Result<ModelConfig> with(const std::string& field, const Json& value) {
  Json json = public_20b();
  json.erase(field);
  if (!value.is_null()) json[field] = value;
  return parse(json);
}

std::string problem(const std::string& field, const Json& value) {
  const auto config = with(field, value);
  return config.ok() ? "" : config.error().message;
}

void expect_same(const ModelConfig& a, const ModelConfig& b) {
  for (const auto member :
       {&ModelConfig::layers, &ModelConfig::experts, &ModelConfig::experts_per_token, &ModelConfig::hidden,
        &ModelConfig::intermediate, &ModelConfig::heads, &ModelConfig::kv_heads, &ModelConfig::head_dim,
        &ModelConfig::vocab, &ModelConfig::max_positions, &ModelConfig::sliding_window})
    EXPECT_EQ(a.*member, b.*member);
  EXPECT_EQ(a.sliding, b.sliding);
  EXPECT_EQ(a.norm_eps, b.norm_eps);
  EXPECT_EQ(a.swiglu_limit, b.swiglu_limit);
  EXPECT_EQ(a.swiglu_alpha, b.swiglu_alpha);
  EXPECT_EQ(a.tied_embeddings, b.tied_embeddings);
  EXPECT_EQ(a.quantized_mxfp4, b.quantized_mxfp4);
  EXPECT_EQ(a.eos, b.eos);
  EXPECT_EQ(a.pad, b.pad);
  EXPECT_EQ(a.rope.yarn, b.rope.yarn);
  EXPECT_EQ(a.rope.theta, b.rope.theta);
  EXPECT_EQ(a.rope.factor, b.rope.factor);
  EXPECT_EQ(a.rope.beta_fast, b.rope.beta_fast);
  EXPECT_EQ(a.rope.beta_slow, b.rope.beta_slow);
  EXPECT_EQ(a.rope.original_context, b.rope.original_context);
  EXPECT_EQ(a.rope.truncate, b.rope.truncate);
  EXPECT_EQ(a.rope.attention_factor, b.rope.attention_factor);
}

TEST(Config, CountsThatCostTimeWithoutMemoryAreBounded) {
  EXPECT_NE(problem("num_local_experts", 16'777'216), "");
  Json choices = public_20b();
  choices["num_local_experts"] = choices["num_experts_per_tok"] = choices["experts_per_token"] = 65536;
  EXPECT_EQ(parse(choices).error().message, "c: num_experts_per_tok is 65536, but must be an integer from 1 to 1024");
  EXPECT_NE(problem("num_attention_heads", 1 << 20), "");
  Json layers = public_20b();
  layers.erase("layer_types"), layers["num_hidden_layers"] = 4096;
  EXPECT_NE(parse(layers).error().message.find("num_hidden_layers is 4096"), std::string::npos);
  // Each within its limit, both together not.
  layers["num_hidden_layers"] = 1024, layers["num_local_experts"] = 1024;
  for (const char* width : {"hidden_size", "intermediate_size"}) layers[width] = 1;
  EXPECT_NE(parse(layers).error().message.find("1024 times num_local_experts 1024"), std::string::npos);
  layers["num_local_experts"] = 256;
  EXPECT_TRUE(parse(layers).ok()) << "28 times as deep as a 120b, with twice its experts";
}

TEST(Config, ManyEndTokensAreOneRemark) {
  Json ids = Json::array();
  for (int i = 0; i < 1000; ++i) ids.push_back(1'000'000 + i);
  const auto config = with("eos_token_id", ids);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(
      config->remarks,
      std::vector<std::string>{"1000 ids of eos_token_id lie outside the vocabulary of 201088, the first is 1000000"});
  for (int i = 0; i < 1000; ++i) ids.push_back(i);
  EXPECT_NE(problem("eos_token_id", ids).find("more than 1024 ids"), std::string::npos);
}

TEST(Config, ReadsThePublicModels) {
  const auto small = parse_config(test_data("gpt-oss-20b/config.json"), "20b"),
             large = parse_config(test_data("gpt-oss-120b/config.json"), "120b");
  ASSERT_TRUE(small.ok()) << small.error().message;
  ASSERT_TRUE(large.ok()) << large.error().message;
  expect_same(*small, gpt_oss_20b_config());
  expect_same(*large, gpt_oss_120b_config());
  EXPECT_TRUE(small->remarks.empty());
  EXPECT_EQ(small->layers, 24);
  EXPECT_EQ(small->q_width(), 4096);
  EXPECT_EQ(small->kv_width(), 512);
  EXPECT_EQ(small->max_positions, 131072);
  EXPECT_FALSE(small->rope.truncate);
  EXPECT_EQ(large->experts, 128);
}

TEST(Config, ReadsOpenAIsOwnFile) {
  const auto original = parse_config(test_data("gpt-oss-20b/original/config.json"), "original");
  ASSERT_TRUE(original.ok()) << original.error().message;
  expect_same(*original, gpt_oss_20b_config());
}

TEST(Config, WhatIsWrittenReadsBack) {
  ModelConfig odd = tiny_config();
  odd.norm_eps = 3e-6f, odd.swiglu_limit = 5.5f, odd.tied_embeddings = true, odd.eos = {3, 4}, odd.pad = 2,
  odd.sliding = {false, false};
  odd.rope.truncate = true, odd.rope.attention_factor = 1.25, odd.rope.factor = 7.5, odd.max_positions = 777;
  for (const auto& config : {odd, gpt_oss_20b_config(), tiny_config()}) {
    const auto back = parse_config(hub_config_json(config), "c");
    ASSERT_TRUE(back.ok()) << back.error().message;
    expect_same(*back, config);
  }
  ModelConfig plain = tiny_config();
  plain.rope.yarn = false, plain.rope.factor = 1;
  expect_same(parse_config(hub_config_json(plain), "c").value(), plain);
}

TEST(Config, OpenAIsFileSaysLess) {
  expect_same(parse_config(original_config_json(tiny_config()).value(), "c").value(), tiny_config());
  const auto refused = [](auto change) {
    ModelConfig config = tiny_config();
    change(config);
    return !original_config_json(config).ok();
  };
  EXPECT_TRUE(refused([](ModelConfig& c) { c.sliding = {false, true}; }));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.norm_eps = 1e-6f; }));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.tied_embeddings = true; }));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.max_positions = 5; }));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.rope.truncate = true; }));
}

TEST(Config, AliasesMeanTheSame) {
  Json json = public_20b();
  json.erase("num_experts_per_tok");
  EXPECT_EQ(parse(json)->experts_per_token, 4);
  json["num_experts"] = json["num_local_experts"];
  EXPECT_EQ(parse(json)->experts, 32);
  json.erase("num_local_experts");
  EXPECT_EQ(parse(json)->experts, 32);
  json.erase("num_experts");
  EXPECT_EQ(parse(json).error().message, "c: the field num_local_experts (or num_experts) is missing");
  EXPECT_EQ(problem("experts_per_token", 3),
            "c: num_experts_per_tok is 4 but experts_per_token is 3; they mean the same and must agree");
}

TEST(Config, DefaultsOfTransformers) {
  EXPECT_EQ(with("layer_types", nullptr)->sliding, gpt_oss_20b_config().sliding);
  Json json = public_20b();
  for (const char* field :
       {"rope_scaling", "rope_theta", "initial_context_length", "sliding_window", "rms_norm_eps", "swiglu_limit",
        "attention_bias", "hidden_act", "max_position_embeddings", "tie_word_embeddings"})
    json[field] = nullptr;
  ASSERT_TRUE(parse(json).ok()) << parse(json).error().message;
  expect_same(*parse(json), gpt_oss_20b_config());
  EXPECT_EQ(with("torch_dtype", "float16")->layers, 24);
  EXPECT_FALSE(with("quantization_config", nullptr)->quantized_mxfp4);
}

TEST(Config, RopeParametersOfTransformers5) {
  Json json = public_20b(), rope = json["rope_scaling"];
  json.erase("rope_scaling");
  json.erase("rope_theta");
  rope["rope_theta"] = 10000.0;
  json["rope_parameters"] = rope;
  ASSERT_TRUE(parse(json).ok()) << parse(json).error().message;
  EXPECT_EQ(parse(json)->rope.theta, 10000);
  EXPECT_EQ(parse(json)->rope.factor, 32);
  EXPECT_TRUE(parse(json)->remarks.empty());
  rope["factor"] = 4;
  json["rope_scaling"] = rope;
  EXPECT_EQ(parse(json)->rope.factor, 32);
  EXPECT_EQ(parse(json)->remarks.size(), 1u);
}

TEST(Config, RopeVariants) {
  const Json plain{{"rope_type", "default"}};
  EXPECT_FALSE(with("rope_scaling", plain)->rope.yarn);
  EXPECT_EQ(with("rope_scaling", plain)->rope.factor, 1);
  // transformers rounds the bounds when the block does not speak of it
  EXPECT_TRUE(with("rope_scaling", Json{{"type", "yarn"}, {"factor", 8}})->rope.truncate);
  EXPECT_EQ(with("rope_scaling", Json{{"rope_type", "yarn"}, {"factor", 8}, {"original_max_position_embeddings", 512}})
                ->rope.original_context,
            512);
  EXPECT_EQ(with("rope_scaling", Json{{"rope_type", "yarn"}, {"factor", 8}, {"original_max_position_embeddings", 512}})
                ->remarks.size(),
            1u);
  EXPECT_EQ(problem("rope_scaling", Json{{"rope_type", "llama3"}}),
            "c: rope_scaling.rope_type is \"llama3\", but must be \"yarn\" or \"default\"");
  EXPECT_EQ(problem("rope_scaling", Json{{"rope_type", "yarn"}}), "c: the field rope_scaling.factor is missing");
  EXPECT_NE(problem("rope_scaling", Json::object()), "");
  EXPECT_NE(problem("rope_scaling", Json{{"rope_type", "yarn"}, {"factor", 0.5}}), "");
  EXPECT_NE(problem("rope_scaling", Json{{"rope_type", "yarn"}, {"factor", 2}, {"mscale", 1.0}}), "");
  EXPECT_NE(problem("rope_scaling", Json{{"rope_type", "yarn"}, {"factor", 2}, {"beta_fast", 1}, {"beta_slow", 1}}),
            "");
  EXPECT_NE(problem("rope_parameters", Json{{"full_attention", plain}, {"sliding_attention", plain}}), "");
  EXPECT_NE(problem("rope_theta", 1), "");
}

TEST(Config, EndTokens) {
  EXPECT_EQ(with("eos_token_id", Json{200002, 199999})->eos, (std::vector<int32_t>{200002, 199999}));
  EXPECT_TRUE(with("eos_token_id", nullptr)->eos.empty());
  EXPECT_EQ(with("pad_token_id", nullptr)->pad, -1);
  EXPECT_EQ(with("eos_token_id", 201088)->remarks.size(), 1u);
  EXPECT_NE(problem("eos_token_id", -1), "");
  EXPECT_NE(problem("eos_token_id", "x"), "");
  EXPECT_NE(problem("eos_token_id", Json{1, 2.5}), "");
}

TEST(Config, WrongValuesNameFieldAndValue) {
  EXPECT_EQ(problem("hidden_size", 0), "c: hidden_size is 0, but must be an integer from 1 to 16777216");
  EXPECT_EQ(problem("hidden_size", 2880.0), "c: hidden_size is 2880.0, but must be an integer from 1 to 16777216");
  EXPECT_EQ(problem("hidden_size", "2880"), "c: hidden_size is \"2880\", but must be an integer from 1 to 16777216");
  EXPECT_EQ(problem("vocab_size", nullptr), "c: the field vocab_size is missing");
  EXPECT_EQ(problem("head_dim", 63), "c: head_dim is 63, but rotary embedding needs an even number");
  EXPECT_EQ(problem("num_key_value_heads", 7),
            "c: num_attention_heads is 64, not a multiple of num_key_value_heads, 7");
  EXPECT_EQ(problem("num_local_experts", 3), "c: num_experts_per_tok is 4, more than the 3 of num_local_experts");
  EXPECT_EQ(problem("num_hidden_layers", 23), "c: layer_types has 24 entries, but num_hidden_layers is 23");
  EXPECT_EQ(problem("layer_types", Json(24, "full_attention")), "");
  EXPECT_EQ(problem("layer_types", Json(24, "chunked_attention")),
            "c: layer_types[0] is \"chunked_attention\", but must be \"sliding_attention\" or \"full_attention\"");
  EXPECT_NE(problem("layer_types", "x"), "");
  EXPECT_NE(problem("rms_norm_eps", 0), "");
  EXPECT_NE(problem("rms_norm_eps", -1e-5), "");
  EXPECT_NE(problem("swiglu_limit", "7"), "");
  EXPECT_NE(problem("sliding_window", 0), "");
  EXPECT_NE(problem("sliding_window", -1), "");
  EXPECT_NE(problem("num_hidden_layers", 1 << 20), "");
  EXPECT_NE(problem("hidden_size", uint64_t{1} << 63), "");
  EXPECT_NE(problem("attention_bias", false), "");
  EXPECT_NE(problem("attention_bias", 1), "");
  EXPECT_NE(problem("hidden_act", "gelu"), "");
  EXPECT_NE(problem("tie_word_embeddings", "no"), "");
  EXPECT_NE(problem("intermediate_size", 1 << 24).find("parameters"), std::string::npos);
  EXPECT_NE(problem("head_dim", 1 << 20), "");
}

TEST(Config, OtherModelsAndQuantisationsAreNamed) {
  EXPECT_EQ(problem("model_type", "llama"), "c: model_type is \"llama\", but mxpath runs gpt_oss models only");
  EXPECT_EQ(problem("model_type", nullptr), "");  // architectures says it
  EXPECT_FALSE(parse_config("{}", "c").ok());
  const auto bnb = problem("quantization_config", Json{{"quant_method", "bitsandbytes"}});
  EXPECT_NE(bnb.find("\"bitsandbytes\""), std::string::npos);
  EXPECT_NE(bnb.find("MXFP4"), std::string::npos);
  EXPECT_NE(problem("quantization_config", Json::object()), "");
  EXPECT_NE(problem("quantization_config", "mxfp4"), "");
}

TEST(Config, NotJson) {
  EXPECT_EQ(parse_config("{\"hidden_size\": NaN}", "c").error().message, "c: not valid JSON at byte 17");
  for (const char* text : {"", "[]", "1", "{\"a\":1,\"a\":2}", "{\"rms_norm_eps\": 1e999}", "\xff"})
    EXPECT_FALSE(parse_config(text, "c").ok()) << text;
}

}  // namespace
}  // namespace mxpath
