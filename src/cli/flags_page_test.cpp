#include "cli/flags_page.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "base/mapped_file.h"
#include "cli/program.h"

namespace mxpath::cli {
namespace {

TEST(FlagsPage, IsNotStale) {
  const auto page = read_text_file(MXPATH_SOURCE_DIR "/docs/flags.md");
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_EQ(*page, flags_page()) << "run `make docs`";
}

TEST(FlagsPage, IsText) {
  for (const char c : flags_page()) ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ') << int{c};
}

TEST(FlagsPage, HasEveryFlagOfEveryCommand) {
  CLI::App app;
  Program program;
  add_commands(app, program);
  const std::string page = flags_page();
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    EXPECT_NE(page.find("\n## mxpath " + command->get_name() + "\n"), std::string::npos);
    for (const CLI::Option* option : command->get_options())
      for (const std::string& name : option->get_lnames())
        EXPECT_NE(page.find("`--" + name + "`"), std::string::npos) << command->get_name() << " --" << name;
  }
}

}  // namespace
}  // namespace mxpath::cli
