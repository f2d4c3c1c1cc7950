// Conversions that are killed, run out of disk, and go on.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>

#include "base/hint.h"
#include "convert/killed_for_test.h"

namespace mxpath::convert {
namespace {

class ResumeLayouts : public testing::TestWithParam<CheckpointLayout> {};

/// SIGKILL at each moment in turn: inside shards, at their ends, between the last files. The folder does not open, and
/// --resume completes it.
TEST_P(ResumeLayouts, AfterAKillAtAnyMoment) {
  TestFolder folder;
  const auto source_layout = GetParam() == CheckpointLayout::hugging_face_mxfp4 ? CheckpointLayout::hugging_face_bf16
                                                                                : CheckpointLayout::hugging_face_mxfp4;
  write_tiny(folder / "source", source_layout);
  folder.write("source/tokenizer.json", "{}");
  auto options = small_shards(GetParam());
  if (GetParam() != CheckpointLayout::hugging_face_bf16) options.shard_bytes = 60'000;
  const auto moments = moments_of(folder / "source", folder / "whole", options);
  const auto whole = files_of(folder / "whole");
  ASSERT_GT(whole.size(), 4u);
  ASSERT_EQ(moments.back(), "config.json");
  for (size_t moment = 0; moment < moments.size(); ++moment) {
    // Every moment at a boundary, some of those inside a shard.
    const bool boundary = moment + 1 == moments.size() || moments[moment] != moments[moment + 1] ||
                          (moment && moments[moment] != moments[moment - 1]);
    if (!boundary && moment % 7) continue;
    const std::string target = folder / fmt::format("killed{}", moment);
    kill_at(moment, folder / "source", target, options);
    EXPECT_EQ(open_manifest(target).ok(), moments[moment] == "config.json") << moments[moment] << ' ' << moment;
    const auto again = convert(folder / "source", target, options);
    ASSERT_FALSE(again.ok());
    EXPECT_NE(again.error().message.find(mention(Knob::resume)), std::string::npos);
    auto resumed = options;
    resumed.resume = true;
    const auto report = convert(folder / "source", target, resumed);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(files_of(target) == whole) << moment;
    std::filesystem::remove_all(target);
  }
}
INSTANTIATE_TEST_SUITE_P(Layouts, ResumeLayouts,
                         testing::Values(CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::hugging_face_bf16,
                                         CheckpointLayout::openai_original),
                         [](const auto& of) { return std::string(target_name(of.param)); });

TEST(Resume, KeepsTheReportOfFinishedShards) {
  TestFolder folder;
  write_tiny(folder / "source", CheckpointLayout::hugging_face_bf16);
  auto options = small_shards(CheckpointLayout::hugging_face_mxfp4);
  options.shard_bytes = 60'000, options.scale_rule = ScaleRule::nearest;
  const auto moments = moments_of(folder / "source", folder / "whole", options);
  const auto whole = convert(folder / "source", folder / "again", options);
  kill_at(moments.size() / 2, folder / "source", folder / "killed", options);
  options.resume = true;
  size_t rewritten = 0;
  options.progress = [&](std::string_view, uint64_t, uint64_t) { ++rewritten; };
  const auto resumed = convert(folder / "source", folder / "killed", options);
  ASSERT_TRUE(whole.ok() && resumed.ok());
  EXPECT_LT(rewritten, moments.size());
  EXPECT_EQ(to_json(*whole), to_json(*resumed));
}

TEST(Resume, RefusesAnotherConversion) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  kill_at(5, folder / "source", folder / "killed", options);
  options.resume = true;
  const auto error_of = [&](const ConvertOptions& other) {
    const auto report = convert(folder / "source", folder / "killed", other);
    EXPECT_FALSE(report.ok());
    EXPECT_TRUE(report.ok() || report.error().kind == ErrorKind::wrong_use);
    return report.ok() ? "" : in_words(report.error().message);
  };
  auto other = options;
  other.target = CheckpointLayout::openai_original;
  EXPECT_NE(error_of(other).find("begun with target=bf16, not original"), std::string::npos);
  other = options, other.shard_bytes = 1'000'000;
  EXPECT_NE(error_of(other).find("shard_bytes=100000"), std::string::npos);
  other = options, other.scale_rule = ScaleRule::ocp;
  EXPECT_NE(error_of(other).find("scale_rule=ceil"), std::string::npos);
  const auto file = folder / "source/model.safetensors";
  std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::seconds(5));
  EXPECT_NE(error_of(options).find("another source"), std::string::npos);
  folder.write("killed/convert.json", "{\"mxpath_convert\": 99}");
  const auto report = convert(folder / "source", folder / "killed", options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("delete the folder"), std::string::npos);
}

TEST(Resume, WritesAShardAgainWhoseFileIsNotAsItWas) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const auto moments = moments_of(folder / "source", folder / "whole", options);
  kill_at(moments.size() - 2, folder / "source", folder / "killed", options);
  std::string first;
  for (const auto& [name, text] : files_of(folder / "killed"))
    if (name.ends_with(".safetensors") && first.empty()) first = name;
  std::filesystem::resize_file(folder / ("killed/" + first), 100);
  options.resume = true;
  ASSERT_TRUE(convert(folder / "source", folder / "killed", options).ok());
  EXPECT_TRUE(files_of(folder / "killed") == files_of(folder / "whole"));
}

void expect_no_half_files(const std::string& folder) {
  for (const auto& [name, text] : files_of(folder)) {
    EXPECT_FALSE(name.ends_with(".part")) << name;
    EXPECT_TRUE(!name.ends_with(".safetensors") || read_safetensors_header(folder + "/" + name).ok()) << name;
  }
  EXPECT_FALSE(open_manifest(folder).ok());
}

TEST(Resume, AfterTheDiskWasFull) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  ASSERT_TRUE(convert(folder / "source", folder / "whole", options).ok());
  options.write_fault = [](uint64_t written) { return written > 250'000 ? ENOSPC : 0; };
  const auto report = convert(folder / "source", folder / "full", options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("the disk is full"), std::string::npos) << report.error().message;
  expect_no_half_files(folder / "full");
  options.write_fault = nullptr, options.resume = true;
  ASSERT_TRUE(convert(folder / "source", folder / "full", options).ok());
  EXPECT_TRUE(files_of(folder / "full") == files_of(folder / "whole"));
}

/// A write that the system itself refuses: no file may grow beyond 50 kB.
TEST(Resume, AfterAWriteThatTheSystemRefused) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50'000, 50'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto report = convert(folder / "source", folder / "limited", options);
    ::_exit(!report.ok() &&
                    report.error().message.find("the file size limit of this shell (ulimit -f)") != std::string::npos
                ? 42
                : 1);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  expect_no_half_files(folder / "limited");
  options.resume = true;
  EXPECT_TRUE(convert(folder / "source", folder / "limited", options).ok());
}

TEST(Resume, TouchesNothingInAFolderThatNoConversionLeft) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  options.resume = true;
  // Names as users and this program have them; in an order in which those to refuse come last.
  folder.write("mine/a.12-3.part", "precious"), folder.write("mine/film.2024-uncut.part", "precious"),
      folder.write("mine/z", "precious");
  folder.write("parts/a.12-3.part", "precious");
  for (const std::string name : {"mine", "parts"}) {
    const auto before = files_of(folder / name);
    const auto report = convert(folder / "source", folder / name, options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().kind, ErrorKind::wrong_use);
    EXPECT_NE(report.error().message.find("nothing to resume"), std::string::npos) << report.error().message;
    EXPECT_TRUE(files_of(folder / name) == before) << name;
  }
}

TEST(Resume, TouchesNothingThatAnotherConversionLeft) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  kill_at(5, folder / "source", folder / "killed", options);
  folder.write("killed/model.safetensors.12-3.part", "half");
  const auto before = files_of(folder / "killed");
  options.resume = true, options.scale_rule = ScaleRule::ocp;
  EXPECT_FALSE(convert(folder / "source", folder / "killed", options).ok());
  EXPECT_TRUE(files_of(folder / "killed") == before);
}

TEST(Resume, AfterAKillBeforeTheFirstJournal) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  ASSERT_TRUE(convert(folder / "source", folder / "whole", options).ok());
  folder.write("killed/convert.json.12-0.part", "{");
  options.resume = true;
  ASSERT_TRUE(convert(folder / "source", folder / "killed", options).ok());
  EXPECT_TRUE(files_of(folder / "killed") == files_of(folder / "whole"));
}

TEST(Resume, SaysThatAFolderIsFinished) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  ASSERT_TRUE(convert(folder / "source", folder / "whole", options).ok());
  options.resume = true;
  const auto report = convert(folder / "source", folder / "whole", options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::wrong_use);
  EXPECT_NE(report.error().message.find("holds a finished checkpoint (Hugging Face, unquantised experts)"),
            std::string::npos)
      << report.error().message;
}

/// At any moment but after config.json: cut short (which without a look at its size would be a fault of the process),
/// written to, or gone.
TEST(SourceThatChanges, IsNoticed) {
  TestFolder folder;
  namespace fs = std::filesystem;
  for (const auto from : {CheckpointLayout::hugging_face_bf16, CheckpointLayout::hugging_face_mxfp4})
    for (const auto target : {CheckpointLayout::hugging_face_bf16, CheckpointLayout::hugging_face_mxfp4}) {
      write_tiny(folder / "source", from);
      folder.write("source/tokenizer.json", "{}");
      const auto options = small_shards(target);
      const auto moments = moments_of(folder / "source", folder / "whole", options);
      const std::string weights = folder / "source/model.safetensors", copy = folder / "copy";
      fs::rename(weights, copy);
      for (size_t moment = 0; moment + 1 < moments.size(); ++moment) {
        fs::copy_file(copy, weights, fs::copy_options::overwrite_existing);
        const std::string result = folder / fmt::format("to{}", moment);
        const std::string message = error_after(folder / "source", result, options, moment, [&] {
          if (moment % 3 == 0) fs::resize_file(weights, 1000);
          if (moment % 3 == 1) fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
          if (moment % 3 == 2) fs::remove(weights);
        });
        const std::string wanted =
            weights + ": this file of the source " + (moment % 3 == 2 ? "disappeared" : "was changed");
        ASSERT_EQ(message.substr(0, wanted.size()), wanted) << moment << ' ' << moments[moment];
        EXPECT_FALSE(open_manifest(result).ok());
        fs::remove_all(result);
      }
      fs::remove_all(folder / "whole"), fs::remove_all(folder / "source"), fs::remove(copy);
    }
}

TEST(SourceThatChanges, ConfigToo) {
  TestFolder folder;
  write_tiny(folder / "source");
  const auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const std::string message =
      error_after(folder / "source", folder / "to", options, 3, [&] { folder.write("source/config.json", "{}"); });
  EXPECT_NE(message.find("source/config.json: this file of the source was changed"), std::string::npos) << message;
}

/// A tokenizer that goes away is not left out as if there had been none.
TEST(SourceThatChanges, CompanionsToo) {
  TestFolder folder;
  write_tiny(folder / "source");
  folder.write("source/tokenizer.json", "{}");
  const auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const std::string path = folder / "source/tokenizer.json";
  EXPECT_EQ(error_after(folder / "source", folder / "to", options, 3, [&] { std::filesystem::remove(path); }),
            path + ": no such file");
  EXPECT_FALSE(open_manifest(folder / "to").ok());
}

/// What was finished before the change is kept; what came after it is not in the journal.
TEST(SourceThatChanges, AndComesBackIsResumed) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const auto moments = moments_of(folder / "source", folder / "whole", options);
  const std::string weights = folder / "source/model.safetensors";
  const auto time = std::filesystem::last_write_time(weights);
  error_after(folder / "source", folder / "to", options, moments.size() / 2,
              [&] { std::filesystem::last_write_time(weights, time + std::chrono::seconds(1)); });
  std::filesystem::last_write_time(weights, time);
  options.resume = true;
  const auto report = convert(folder / "source", folder / "to", options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(files_of(folder / "to") == files_of(folder / "whole"));
}

}  // namespace
}  // namespace mxpath::convert
