// Golden plans: any change of a choice is a diff that a reviewer reads. MXPATH_UPDATE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/sanitized_for_test.h"
#include "cli/knob_flags.h"
#include "compact_plan.h"
#include "kernels/catalogue.h"
#include "machine/known_machines.h"
#include "plan/explain.h"
#include "plan/paths_page.h"
#include "plan/plan.h"
#include "plan/test_properties.h"

namespace mxpath {
namespace {

const std::string root = MXPATH_SOURCE_DIR;

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const KnownMachine& machine : known_machines()) names.emplace_back(machine.name);
  return names;
}

Machine machine(const std::string& name) { return known_machine(name).value(); }

/// The headers of the demo model; the published models from their config.json alone.
Manifest model(const std::string& name) {
  if (name == "demo") return open_manifest(root + "/models/demo").value();
  const std::string path = root + "/tests/data/checkpoint/" + name + "/config.json";
  return manifest_from_config(parse_config(read_text_file(path).value(), path).value(), name);
}

void expect_golden(const std::string& name, const std::string& plan) {
  const std::string text = cli::in_flags(plan);
  const std::string path = root + "/tests/plans/" + name + ".txt";
  if (std::getenv("MXPATH_UPDATE_GOLDEN")) std::ofstream(path) << text;
  const auto golden = read_text_file(path);
  ASSERT_TRUE(golden.ok()) << golden.error().message;
  EXPECT_EQ(text, *golden) << "if the change is meant, MXPATH_UPDATE_GOLDEN=1 writes the plans anew";
}

/// The experts of every other layer as BF16 beside MXFP4.
Manifest widened_in_part(const std::string& name) {
  Manifest manifest = model(name);
  for (TensorRecord& t : manifest.tensors)
    if (t.layer % 2 == 1 && (t.role == Role::gate_up_weight || t.role == Role::down_weight))
      t.encoding = Encoding::bf16;
  return manifest;
}

/// Widening a layer without loss must not move the answer, so no machine may compute it otherwise than its neighbours,
/// nor otherwise than where all layers are widened.
TEST(MixedFormats, TakeOneArithmeticOnEveryMachine) {
  Policy bf16;
  bf16.weights = NumberFormat::bf16;
  for (const std::string& name : machine_names())
    for (const char* of : {"demo", "gpt-oss-20b"}) {
      const auto mixed = make_plan(widened_in_part(of), catalogue_of_full_build(), machine(name), {}),
                 widened = make_plan(model(of), catalogue_of_full_build(), machine(name), bf16);
      ASSERT_TRUE(mixed.ok() && widened.ok()) << name;
      for (const SitePlan& site : mixed->sites) {
        if (site.site.id != SiteId::gate_up && site.site.id != SiteId::down) continue;
        const SitePlan* same = widened->find(site.site.id, site.site.layers.first(), site.site.device);
        if (!same) continue;  // twice the bytes moved it to another device
        for (size_t r = 0; r < site.decisions.size(); ++r)
          EXPECT_EQ(name_of(site.decisions[r].chosen->arithmetic), name_of(same->decisions[r].chosen->arithmetic))
              << name << ", " << of << ", " << title_of(site.site) << ", "
              << site.decisions[r].regime.tokens.to_string();
      }
    }
}

class GoldenPlan : public testing::TestWithParam<std::string> {};

/// The plan as stored, then with `--weights bf16`, of each model: one file per machine.
TEST_P(GoldenPlan, IsWhatWasReviewed) {
  std::string text;
  Policy bf16;
  bf16.weights = NumberFormat::bf16;
  for (const char* name : {"demo", "gpt-oss-20b", "gpt-oss-120b"}) {
    const Manifest manifest = model(name);
    const auto stored = make_plan(manifest, catalogue_of_full_build(), machine(GetParam()), {}),
               other = make_plan(manifest, catalogue_of_full_build(), machine(GetParam()), bf16);
    ASSERT_TRUE(stored.ok()) << stored.error().message;
    ASSERT_TRUE(other.ok()) << other.error().message;
    text += fmt::format("{}== {}\n{}\n== {} --weights bf16, where it differs\n{}", text.empty() ? "" : "\n", name,
                        compact(*stored), name, compact(*other, &*stored));
  }
  expect_golden(GetParam(), text);
}

INSTANTIATE_TEST_SUITE_P(Machines, GoldenPlan, testing::ValuesIn(machine_names()),
                         [](const auto& param) { return param.param; });

TEST(GoldenPlan, ReadsLikeThis) {
  const auto plan = make_plan(model("gpt-oss-20b"), catalogue_of_full_build(), machine("haswell"), {});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const std::string printed = cli::in_flags(explain(*plan, false));
  expect_golden("as_printed.haswell.gpt-oss-20b", printed);
  // What the README shows of it, from the first line of the block to "…".
  for (const char* page : {"README.md", "README.ko.md"}) {
    const std::string text = read_text_file(fmt::format("{}/{}", MXPATH_SOURCE_DIR, page), 1 << 20).value();
    const size_t begin = text.find("--machine haswell\n"), end = text.find("\n…", begin);
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << page;
    std::istringstream lines(text.substr(begin, end - begin));
    std::string line;
    std::getline(lines, line);  // the command
    while (std::getline(lines, line)) EXPECT_NE(printed.find(line + "\n"), std::string::npos) << page << ": " << line;
  }
}

TEST(Machines, CoverTheCpusFromTheFirstX86ToTheNewest) {
  const auto names = machine_names();
  for (const char* needed : {"x86_64_v1", "sandy_bridge", "haswell", "skylake_x", "zen3", "ice_lake", "alder_lake",
                             "zen4", "sapphire_rapids", "zen5"})
    EXPECT_TRUE(std::ranges::count(names, needed)) << needed;
}

TEST(Properties, HoldForTheRealRows) { test::check_properties(catalogue_of_full_build(), 20260803, 60); }

TEST(CatalogueRows, EveryOpHasExactlyOneFloorOnEachDeviceItHasRowsFor) {
  for (int d = 0; d < device_kind_count; ++d)
    for (int o = 0; o < op_count; ++o) {
      int rows = 0, floors = 0;
      for (const KernelPath* path : catalogue().paths)
        if (path->op == static_cast<Op>(o) && path->device == static_cast<DeviceKind>(d))
          ++rows, floors += is_floor(*path);
      EXPECT_EQ(floors, rows || static_cast<DeviceKind>(d) == DeviceKind::cpu)
          << name_of(static_cast<Op>(o)) << " on " << name_of(static_cast<DeviceKind>(d));
    }
}

TEST(CatalogueRows, NamesAreUniqueAndSayWhatTheRowIs) {
  std::set<std::string_view> names;
  for (const KernelPath* path : catalogue().paths) {
    EXPECT_TRUE(names.insert(path->name).second) << path->name;
    EXPECT_TRUE(path->name.starts_with(std::string(name_of(path->op)) + "." + std::string(name_of(path->device)) + "."))
        << path->name;
    EXPECT_TRUE(path->run.index() != 0)
        << path->name;  // what was left out of a build has a function that planning never lets run
    EXPECT_TRUE(path->efficiency.one > 0 && path->efficiency.many > 0) << path->name << " was never measured";
  }
}

TEST(CatalogueRows, EveryRowAppearsOnceInEveryDecisionOnEveryMachine) {
  for (const auto& name : machine_names()) {
    const auto plan = make_plan(model("gpt-oss-20b"), catalogue(), machine(name), {});
    ASSERT_TRUE(plan.ok());
    for (const SitePlan& site : plan->sites)
      for (const Decision& decision : site.decisions) {
        std::multiset<const KernelPath*> expected, seen;
        for (const KernelPath* path : catalogue().paths)
          if (path->op == site.site.op()) expected.insert(path);
        for (const Candidate& c : decision.all) seen.insert(c.path);
        EXPECT_EQ(seen, expected) << site.site.name();
      }
  }
}

// Which other tokens shared a step decided which path ran, and so how sums were rounded.
TEST(Deterministic, OnePathThatTheBatchDoesNotChangeServesAllTokenCounts) {
  Policy policy;
  policy.deterministic = true;
  int on_gpus = 0;
  for (const auto& name : machine_names()) {
    const auto plan = make_plan(model("gpt-oss-20b"), catalogue_of_full_build(), machine(name), policy);
    const auto usual = make_plan(model("gpt-oss-20b"), catalogue_of_full_build(), machine(name), {});
    ASSERT_TRUE(plan.ok() && usual.ok()) << name;
    EXPECT_TRUE(plan->placement.gpus.empty()) << name << ": GPUs have no such paths";
    for (const SitePlan& site : plan->sites)
      for (const Decision& decision : site.decisions) {
        EXPECT_EQ(decision.chosen, site.decisions.front().chosen) << site.site.name() << " on " << name;
        EXPECT_TRUE(decision.chosen->batch_invariant) << decision.chosen->name;
      }
    on_gpus += !usual->placement.gpus.empty();
  }
  EXPECT_GT(on_gpus, 5) << "no usual plan has paths that the batch changes, so this proves nothing";
}

TEST(Deterministic, IsRefusedOnAGpuThatIsAskedFor) {
  Policy policy;
  policy.deterministic = true, policy.device = DeviceChoice::cuda;
  const auto plan = make_plan(model("gpt-oss-20b"), catalogue_of_full_build(), machine("h200"), policy);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(cli::in_flags(plan.error().message).find("is left out by --deterministic"), std::string::npos)
      << cli::in_flags(plan.error().message);
}

using Loads = std::map<Layout, Load>;

/// A call of a site in every layout that its weights could lie in.
Loads loads_of(const Site& site, const Call& call) {
  Loads loads;
  if (!site.has_weights()) loads[Layout::none] = load_of(site, Layout::none, call);
  for (int l = 0; l < layout_count && site.has_weights(); ++l)
    if (const Layout layout = static_cast<Layout>(l); layout >= Layout::fp32_rows && held_in(layout) == site.format)
      loads[layout] = load_of(site, layout, call);
  return loads;
}

/// All rows for a call of a site, priced on a machine: seconds may not fall from a call to one that is larger.
void expect_no_cheaper(const Site& site, const Machine& here, const std::string& name, const Loads& before,
                       const Loads& after) {
  for (const KernelPath* path : catalogue_of_full_build().paths) {
    if (path->op != site.op() || path->device != site.device.kind) continue;
    for (const auto& [layout, load] : before)
      ASSERT_LE(predicted_seconds(*path, load, here), predicted_seconds(*path, after.at(layout), here))
          << path->name << " for " << site.name() << " on " << name << ": " << load.tokens << " tokens cost more than "
          << after.at(layout).tokens;
  }
}

/// What to vary, from 1 to `most` by way of `next`, with the rest of the call as it is.
void expect_monotonic(int most, int (*next)(int), const std::function<Call(int)>& call) {
  std::map<std::string, Machine> machines;
  for (const auto& name : machine_names()) machines[name] = machine(name);
  for (const char* name : {"demo", "gpt-oss-20b", "gpt-oss-120b"})
    for (const DeviceId device : {cpu_device, cuda_device(0)})
      for (const Site& site : sites_of(model(name), {}, device)) {
        Loads before = loads_of(site, call(1));
        for (int value = next(1); value <= most; value = next(value)) {
          Loads after = loads_of(site, call(value));
          for (const auto& [known, here] : machines) expect_no_cheaper(site, here, known, before, after);
          if (testing::Test::HasFatalFailure()) return;
          before = std::move(after);
        }
      }
}

int one_more(int value) { return value + 1; }
int twice(int value) { return 2 * value; }

// 64 tokens of attention cost a tenth of 8, because 16 and more were taken for a prompt from its beginning.
TEST(Predictions, NeverFallWithTheTokens) {
  expect_monotonic(2048, one_more, [](int tokens) { return Call{.tokens = tokens}; });
}

TEST(Predictions, NeverFallWithTheSequences) {
  expect_monotonic(64, one_more,
                   [](int sequences) { return Call{.tokens = 64, .sequences = sequences, .keys = 1000}; });
  expect_monotonic(64, one_more, [](int sequences) { return Call{.tokens = sequences, .sequences = sequences}; });
}

TEST(Predictions, NeverFallWithTheKeys) {
  for (const int tokens : {1, 8, 512})
    expect_monotonic(131072, twice, [=](int keys) { return Call{.tokens = tokens, .keys = keys}; });
}

// What the toolkit of this build was must not show: the page and the golden plans are the same with CUDA 12, 13 and
// without.
TEST(CatalogueRows, PagesAndPlansDoNotDependOnTheToolkit) {
  std::vector<KernelPath> rows;
  for (const KernelPath* path : catalogue().paths) rows.push_back(*path);
  Catalogue other = catalogue();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].needs.driver_of_toolkit) rows[i].needs.driver = rows[i].needs.driver == 12000 ? 13000 : 12000;
    rows[i].built = !rows[i].built, other.paths[i] = &rows[i];
  }
  other.nvcc = nvcc_version(12, 4, 131);
  EXPECT_EQ(paths_page(other), paths_page(catalogue()));
  EXPECT_NE(paths_page(catalogue()).find("a driver of the toolkit's major version"), std::string::npos);
  for (const KernelPath* path : catalogue_of_full_build().paths)
    if (path->device == DeviceKind::cuda && is_floor(*path)) {
      EXPECT_EQ(path->needs.driver, 13000) << path->name;
    }
}

TEST(Planning, SaysFirstThatItIsNotBuiltForAnotherProcessor) {
  for (const auto& name : machine_names()) {
    const Machine where = machine(name);
    const auto plan = make_plan(model("gpt-oss-20b"), catalogue_of_full_build(), where, {});
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->not_built.empty(), where.cpu.isa == Isa::x86_64) << name;
    EXPECT_EQ(explain(*plan, false).starts_with("NOT BUILT mxpath is built for x86-64 only"), !plan->not_built.empty())
        << name;
    Policy strict;
    strict.strict = true;
    EXPECT_TRUE(plan->not_built.empty() || !check_strict(*plan, strict).ok()) << name;
  }
  EXPECT_EQ(machine("gb10").cpu.isa, Isa::aarch64);
}

TEST(CatalogueRows, ThePageAboutThemIsNotStale) {
  const auto page = read_text_file(root + "/docs/paths.md");
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_EQ(*page, cli::in_flags(paths_page(catalogue()))) << "run `make docs`";
}

TEST(Planning, TakesMillisecondsForThe120b) {
  const Manifest manifest = model("gpt-oss-120b");
  const Machine here = machine("sapphire_rapids");
  const auto start = std::chrono::steady_clock::now();
  const auto plan = make_plan(manifest, catalogue(), here, {});
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), sanitized ? 0.5 : 0.05);
  EXPECT_TRUE(plan.ok());
}

TEST(Planning, A120bDoesNotFitAnEightGigabyteLaptop) {
  const auto plan = make_plan(model("gpt-oss-120b"), catalogue(), machine("laptop_8gb"), {});
  ASSERT_TRUE(plan.ok());
  const Status status = check_memory(*plan);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("the model needs"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
