// Every row of the catalogue that this computer can run is made to fail in every way it can, and the model must still
// answer the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hint.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"
#include "plan/explain.h"
#include "plan/fallback.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

using test::Golden, test::GoldenPrompt;

const Machine& here() {
  static const Machine machine = test::cpu_of_this_machine();
  return machine;
}

bool runs_here(const KernelPath& path) {
  return path.built && path.device == DeviceKind::cpu && here().cpu.features.contains(path.needs.cpu);
}

bool chosen_in(const Plan& plan, std::string_view name) {
  return std::ranges::any_of(plan.all_sites(), [&](const SitePlan* site) {
    return std::ranges::any_of(site->decisions, [&](const Decision& d) { return d.chosen->name == name; });
  });
}

/// A checkpoint and a policy under which a row is chosen although faster ones exist.
struct Setting {
  std::string checkpoint;
  Policy policy;
};

std::optional<Setting> setting_for(const KernelPath& path) {
  Policy alone;
  for (const KernelPath* other : catalogue().paths)
    if (other->op == path.op && other->device == path.device && other != &path && !is_floor(*other))
      alone.exclude.emplace_back(other->name);
  for (const FusedPart& part :
       path.fuses)  // its parts on the rows whose results it gives, or the composite row would be cheaper
    if (!part.like.empty()) alone.only.emplace_back(part.like);
  alone.numerics = Numerics::fast;
  for (const char* checkpoint : {"top_four", "bf16_layout"})
    for (std::string_view weights : weights_choices()) {
      Setting setting{checkpoint, alone};
      if (!set_weights(setting.policy, weights).ok() || !set_dense_weights(setting.policy, weights).ok()) continue;
      const auto manifest = open_manifest(test::golden_root() + "/" + checkpoint);
      const auto plan = make_plan(manifest.value(), catalogue(), here(), setting.policy);
      if (plan.ok() && chosen_in(*plan, path.name)) return setting;
    }
  return {};
}

Result<std::unique_ptr<LoadedModel>> load(const Setting& setting, std::vector<std::string>* notices = nullptr) {
  return load_model(test::golden_root() + "/" + setting.checkpoint, catalogue(), here(), setting.policy,
                    {.progress = {}, .notice = [&](const std::string& text) {
                       if (notices) notices->push_back(text);
                     }});
}

/// The greedy answer, and which rows gave it.
struct Greedy {
  std::vector<int32_t> tokens;
  std::set<std::string> rows;
};

Greedy greedy(LoadedModel& loaded, const std::vector<int32_t>& prompt) {
  auto session = Session::create(loaded.model, *loaded.threads).value();
  Trace trace;
  session.set_trace(&trace);
  GenerateOptions options;
  options.max_new_tokens = 8, options.sampling.temperature = 0;
  Greedy out{session.generate(prompt, options)->tokens, {}};
  for (const KernelPath* path : trace) out.rows.insert(std::string(path->name));
  return out;
}

struct Case {
  const KernelPath* path;
  Fault fault;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.path->name << ":" << name_of(c.fault); }

std::vector<Case> cases(bool floor) {
  std::vector<Case> all;
  for (const KernelPath* path : catalogue().paths)
    for (int fault = 0; fault < fault_count; ++fault)
      if (runs_here(*path) && is_floor(*path) == floor && can_have(*path, static_cast<Fault>(fault)))
        all.push_back({path, static_cast<Fault>(fault)});
  return all;
}

std::string text_of(const Case& c) {
  return std::string(c.path->name) + (c.fault == Fault::any ? "" : ":" + std::string(name_of(c.fault)));
}

std::string test_name(const testing::TestParamInfo<Case>& info) {
  std::string name = text_of(info.param);
  std::ranges::replace_if(
      name, [](char c) { return c == '.' || c == ':'; }, '_');
  return name;
}

class FastRows : public testing::TestWithParam<Case> {};
class PortableRows : public testing::TestWithParam<Case> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FastRows);  // a CPU may have none

TEST_P(FastRows, FailAndTheAnswerIsTheSame) {
  const KernelPath& path = *GetParam().path;
  auto setting = setting_for(path);
  ASSERT_TRUE(setting) << "no checkpoint and policy of this test chooses " << path.name;
  const GoldenPrompt prompt = test::read_golden(setting->checkpoint).prompts[0];
  const auto before = load(*setting);
  ASSERT_TRUE(before.ok()) << before.error().message;
  const Greedy expected = greedy(**before, prompt.tokens);

  setting->policy.inject_failure = {text_of(GetParam())};
  std::vector<std::string> notices;
  const auto after = load(*setting, &notices);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_FALSE(chosen_in((*after)->model.plan, path.name));
  ASSERT_FALSE(notices.empty());
  EXPECT_TRUE(std::ranges::any_of(notices, [&](const std::string& n) {
    return n.starts_with(std::string(path.name) + " is not used: ") &&
           n.ends_with("by " + mention(Knob::inject_failure));
  })) << notices[0];
  // What was given up, and what it costs, stands in the plan.
  const auto& concessions = (*after)->model.plan.concessions;
  EXPECT_TRUE(std::ranges::any_of(concessions, [&](const Concession& c) {
    return c.text.find(path.name) != c.text.npos && c.text.find(mention(Knob::inject_failure)) != c.text.npos;
  })) << path.name;
  const Greedy answer = greedy(**after, prompt.tokens);
  EXPECT_EQ(answer.tokens, expected.tokens);
  EXPECT_FALSE(answer.rows.contains(std::string(path.name)));
}
INSTANTIATE_TEST_SUITE_P(Catalogue, FastRows, testing::ValuesIn(cases(false)), test_name);

TEST_P(PortableRows, FailAndLoadingStopsWithAPlainError) {
  const KernelPath& path = *GetParam().path;
  auto setting = setting_for(path);
  ASSERT_TRUE(setting);
  setting->policy.inject_failure = {text_of(GetParam())};
  const auto loaded = load(*setting);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().kind, ErrorKind::failed);
  EXPECT_NE(loaded.error().message.find(path.name), std::string::npos) << loaded.error().message;
  EXPECT_NE(loaded.error().message.find("portable path"), std::string::npos) << loaded.error().message;
}
INSTANTIATE_TEST_SUITE_P(Catalogue, PortableRows, testing::ValuesIn(cases(true)), test_name);

TEST(Faults, AllButThePortableRowsMayFailInAnyWay) {
  const GoldenPrompt prompt = test::read_golden("top_four").prompts[0];
  const auto best = load({"top_four", {}});
  ASSERT_TRUE(best.ok());
  for (int fault = 0; fault < fault_count; ++fault) {
    Setting setting{"top_four", {}};
    for (const Case& c : cases(false))
      if (c.fault == static_cast<Fault>(fault)) setting.policy.inject_failure.push_back(text_of(c));
    if (setting.policy.inject_failure.empty()) continue;
    const auto loaded = load(setting);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(greedy(**loaded, prompt.tokens).tokens, greedy(**best, prompt.tokens).tokens)
        << name_of(static_cast<Fault>(fault));
  }
}

TEST(Faults, ARehearsalEndsWhereLoadingEnds) {
  for (int fault = 0; fault < fault_count; ++fault) {
    Setting setting{"top_four", {}};
    for (const Case& c : cases(false))
      if (c.fault == static_cast<Fault>(fault)) setting.policy.inject_failure.push_back(text_of(c));
    if (setting.policy.inject_failure.empty()) continue;
    std::vector<std::string> loading, rehearsing;
    const auto loaded = load(setting, &loading);
    const Manifest manifest = open_manifest(test::golden_root() + "/top_four").value();
    const auto plan = simulate_fallback(manifest, catalogue(), here(), setting.policy, {},
                                        [&](const std::string& n) { rehearsing.push_back(n); });
    ASSERT_TRUE(loaded.ok() && plan.ok());
    EXPECT_EQ(plan_to_json(*plan), plan_to_json((*loaded)->model.plan)) << name_of(static_cast<Fault>(fault));
    EXPECT_EQ(rehearsing, loading);
  }
}

TEST(Faults, AFailureOfAPathThatIsNotUsedIsSaid) {
  Setting setting{"top_four", {}};
  setting.policy.device = DeviceChoice::cpu, setting.policy.inject_failure = {"norm.cuda.*"};
  std::vector<std::string> notices;
  ASSERT_TRUE(load(setting, &notices).ok());
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(in_words(notices[0]), "inject_failure=norm.cuda.*: no path of this plan is norm.cuda.*, so nothing failed");
}

TEST(Faults, AKindThatARowCannotHaveIsWrongUse) {
  const auto refused = [](const std::string& text) {
    Setting setting{"top_four", {}};
    setting.policy.inject_failure = {text};
    const auto loaded = load(setting);
    EXPECT_FALSE(loaded.ok()) << text;
    if (loaded.ok()) return std::string();
    EXPECT_EQ(loaded.error().kind, ErrorKind::wrong_use) << text;
    return in_words(loaded.error().message);
  };
  EXPECT_EQ(refused("norm.cpu.*:packing"),
            "inject_failure=norm.cpu.*:packing: norm.cpu.portable.f32 reads no packed weights");
  EXPECT_NE(refused("linear.cpu.portable.*:image").find("runs on a CPU and has no image"), std::string::npos);
  EXPECT_NE(refused("rope.cpu.*:exact").find("has no exact problem"), std::string::npos);
  EXPECT_NE(refused("embed.*:random").find("has no random problem"), std::string::npos);
  EXPECT_NE(refused("norm.cpu.*:colour").find("image, exact, random, packing or device"), std::string::npos);
  EXPECT_NE(refused("no.such.row:exact").find("no path has such a name"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
