#include "cli/knob_flags.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <set>

#include "cli/program.h"

namespace mxpath::cli {
namespace {

TEST(KnobFlags, EveryKnobIsAFlagOfACommand) {
  Program program;
  CLI::App app;
  add_commands(app, program);
  std::set<std::string_view> flags;
  for (int k = 0; k < knob_count; ++k) {
    const std::string flag(flag_of(static_cast<Knob>(k)));
    EXPECT_TRUE(flags.insert(flag_of(static_cast<Knob>(k))).second) << flag;
    const auto has_it = [&](const CLI::App* command) { return command->get_option_no_throw(flag) != nullptr; };
    const auto commands = app.get_subcommands({});
    EXPECT_TRUE(std::ranges::any_of(commands, has_it)) << flag << " for " << name_of(static_cast<Knob>(k));
  }
}

TEST(KnobFlags, SentencesAreWordedAsTyped) {
  EXPECT_EQ(in_flags(mention(Knob::context, 4096) + " with " + mention(Knob::numerics, "fast") + " and " +
                     mention(Knob::strict)),
            "--ctx 4096 with --numerics fast and --strict");
}

}  // namespace
}  // namespace mxpath::cli
