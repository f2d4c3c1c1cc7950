// A source that changes between the look at it and the write of it, and conversions that get no memory.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/hint.h"
#include "base/sanitized_for_test.h"
#include "convert/killed_for_test.h"
#include "convert/source.h"

namespace mxpath::convert {
namespace {

namespace fs = std::filesystem;

/// write(2) answers EFAULT for pages that the file has lost. That is the source's fault, not that of the disk that is
/// written to.
TEST(SourceCutShort, BetweenTheLookAndTheWriteIsTheSourcesFault) {
  TestFolder folder;
  struct Way {
    CheckpointLayout from, to;
  };
  // Bytes go from the mapping into the file.
  for (const Way way : {Way{CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::openai_original},
                        {CheckpointLayout::hugging_face_bf16, CheckpointLayout::hugging_face_bf16}}) {
    write_tiny(folder / "source", way.from);
    const std::string weights = folder / "source/model.safetensors";
    fs::copy_file(weights, folder / "copy", fs::copy_options::overwrite_existing);
    const std::string wanted = weights + ": this file of the source was changed while it was being converted";
    for (size_t moment = 0;; ++moment) {
      fs::copy_file(folder / "copy", weights, fs::copy_options::overwrite_existing);
      size_t writes = 0;
      ConvertOptions options = small_shards(way.to);
      options.write_fault = [&](uint64_t) {
        if (writes++ == moment) fs::resize_file(weights, 1000);
        return 0;
      };
      const auto report = convert(folder / "source", folder / "to", options);
      if (report.ok()) {
        EXPECT_LE(writes, moment);
        EXPECT_GT(moment, 20u);
        break;
      }
      ASSERT_EQ(report.error().message.substr(0, wanted.size()), wanted) << moment;
      EXPECT_FALSE(open_manifest(folder / "to").ok());
      fs::remove_all(folder / "to");
    }
    fs::remove_all(folder / "to"), fs::remove_all(folder / "source");
  }
}

/// Experts that are MXFP4 already are looked at one by one too, and nothing is read of the second after the first has
/// shown the change.
TEST(SourceCutShort, IsNoticedBeforeEachExpertOfMxfp4) {
  TestFolder folder;
  write_tiny(folder / "source");
  const std::string weights = folder / "source/model.safetensors";
  const size_t expert_codes = 192 * 64 / 2;
  ConvertOptions options = small_shards(CheckpointLayout::hugging_face_mxfp4);
  uint64_t before = 0;
  size_t later = 0;
  bool struck = false;
  options.write_fault = [&](uint64_t written) {
    later += struck;
    if (!struck && written - before == expert_codes) {
      struck = true;
      fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
    }
    before = written;
    return 0;
  };
  const auto report = convert(folder / "source", folder / "to", options);
  ASSERT_FALSE(report.ok());
  EXPECT_TRUE(struck);
  EXPECT_EQ(later, 0u);
  EXPECT_NE(report.error().message.find("was changed while it was being converted"), std::string::npos)
      << report.error().message;
}

TEST(Source, SaysWhatItsBytesCannotBeReadFor) {
  TestFolder folder;
  write_tiny(folder / "source");
  const auto source = open_source(folder / "source");
  ASSERT_TRUE(source.ok());
  const uint8_t* at = source->tensors.front().pieces.front().data;
  const std::string weights = folder / "source/model.safetensors";
  EXPECT_NE(source->unreadable(at).message.find(weights + ": this file of the source cannot be read any more"),
            std::string::npos);
  fs::resize_file(weights, 1000);
  EXPECT_NE(source->unreadable(at).message.find(weights + ": this file of the source was changed"), std::string::npos);
}

/// Address space in megabytes beyond what the process has: never more than a sentence, which does not speak of what a
/// conversion has not.
TEST(NoMemory, IsASentence) {
  if (sanitized) GTEST_SKIP() << "the sanitizers need address space of their own";
  TestFolder folder;
  write_tiny(folder / "bf16", CheckpointLayout::hugging_face_bf16), write_tiny(folder / "mxfp4");
  size_t refused = 0;
  for (const auto to : {CheckpointLayout::hugging_face_bf16, CheckpointLayout::hugging_face_mxfp4})
    for (const int megabytes : {0, 1, 2, 3, 4, 6, 9, 12, 20, 40}) {
      const int status = in_child([&] {
        size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t limit =
            pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) + (static_cast<rlim_t>(megabytes) << 20);
        const rlimit both{limit, limit};
        ::setrlimit(RLIMIT_AS, &both);
        const bool to_bf16 = to == CheckpointLayout::hugging_face_bf16;
        const auto report = convert(to_bf16 ? folder / "mxfp4" : folder / "bf16",
                                    folder / fmt::format("to{}-{}", int(to), megabytes), small_shards(to));
        const bool right = report.ok() || hints_in(report.error().message).empty();
        ::_exit(!right ? 1 : report.ok() ? 42 : 43);
      });
      EXPECT_TRUE(WIFEXITED(status)) << megabytes << ' ' << WTERMSIG(status);
      EXPECT_GE(WEXITSTATUS(status), 42) << megabytes;
      refused += WEXITSTATUS(status) == 43;
    }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace mxpath::convert
