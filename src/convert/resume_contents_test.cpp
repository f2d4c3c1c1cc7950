// --resume reads what an earlier run finished: only files that are still as they were written are kept.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "convert/killed_for_test.h"

namespace mxpath::convert {
namespace {

namespace fs = std::filesystem;

/// A conversion that was killed just before its end, and what it must become.
class Interrupted : public testing::Test {
 protected:
  void SetUp() override {
    write_tiny(folder / "source");
    folder.write("source/tokenizer.json", "{\"t\": 1}");
    options = small_shards(CheckpointLayout::hugging_face_bf16);
    const auto moments = moments_of(folder / "source", folder / "whole", options);
    whole = files_of(folder / "whole");
    kill_at(moments.size() - 2, folder / "source", folder / "killed", options);
    for (const auto& [name, text] : files_of(folder / "killed"))
      if (name.ends_with(".safetensors")) shards.push_back(name);
    ASSERT_GT(shards.size(), 2u);
    ASSERT_TRUE(fs::exists(folder / "killed/convert.json"));
    options.resume = true;
  }

  std::string killed(const std::string& name) const { return folder / ("killed/" + name); }

  /// Resumes; the folder must be that of an undisturbed run, and the report must have `note`, or no note if that is
  /// empty.
  void expect_mended(const std::string& note) {
    const auto report = convert(folder / "source", folder / "killed", options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(files_of(folder / "killed") == whole);
    for (const auto& name : shards) EXPECT_FALSE(fs::is_symlink(killed(name)));
    const std::string text = to_text(*report);
    if (note.empty()) EXPECT_TRUE(report->remarks.empty()) << text;
    else EXPECT_NE(text.find("note: " + note), std::string::npos) << text;
  }

  TestFolder folder;
  ConvertOptions options;
  std::map<std::string, std::string> whole;
  std::vector<std::string> shards;
};

void flip_a_bit(const std::string& path, size_t from_the_end) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(-static_cast<long>(from_the_end), std::ios::end);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(-static_cast<long>(from_the_end), std::ios::end);
  file.put(byte);
}

TEST_F(Interrupted, KeepsWhatIsAsItWasWritten) {
  const auto time = fs::last_write_time(killed(shards[0]));
  expect_mended("");
  EXPECT_EQ(fs::last_write_time(killed(shards[0])), time);
}

TEST_F(Interrupted, ABitOfTheDataWasChanged) {
  const auto time = fs::last_write_time(killed(shards[1]));
  flip_a_bit(killed(shards[1]), 9);
  fs::last_write_time(killed(shards[1]), time);  // as a bad disk does it
  expect_mended(shards[1] + ", finished by the interrupted run, has other contents: written again");
}

TEST_F(Interrupted, ABitOfTheHeaderWasChanged) {
  flip_a_bit(killed(shards[0]), fs::file_size(killed(shards[0])) - 12);
  expect_mended(shards[0] + ", finished by the interrupted run, has other contents");
}

TEST_F(Interrupted, AFileOfZeros) {
  const auto size = fs::file_size(killed(shards[0]));
  fs::resize_file(killed(shards[0]), 0), fs::resize_file(killed(shards[0]), size);
  expect_mended(shards[0] + ", finished by the interrupted run, has other contents");
}

TEST_F(Interrupted, AnotherShardInItsPlace) {
  fs::copy_file(killed(shards[0]), killed(shards[1]), fs::copy_options::overwrite_existing);
  expect_mended(shards[1] + ", finished by the interrupted run, has ");
}

TEST_F(Interrupted, ALinkInItsPlace) {
  fs::rename(killed(shards[0]), folder / "elsewhere");
  const std::string elsewhere = folder.read("elsewhere");
  fs::create_symlink("../elsewhere", killed(shards[0]));
  fs::remove(killed(shards[1]));
  fs::create_symlink("../nowhere", killed(shards[1]));
  expect_mended(shards[0] + " and 1 more, finished by the interrupted run, is a link now");
  EXPECT_EQ(folder.read("elsewhere"), elsewhere);
  EXPECT_FALSE(fs::exists(folder / "nowhere"));
}

TEST_F(Interrupted, AFileIsGone) {
  fs::remove(killed(shards[0]));
  expect_mended(shards[0] + ", finished by the interrupted run, is missing");
}

TEST_F(Interrupted, APipeOrAFolderInItsPlaceIsNamed) {
  fs::remove(killed(shards[0]));
  ASSERT_EQ(::mkfifo(killed(shards[0]).c_str(), 0600), 0);
  auto report = convert(folder / "source", folder / "killed", options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find(shards[0] + ": is no file, but has the name of a file of this conversion"),
            std::string::npos)
      << report.error().message;
  fs::remove(killed(shards[0]));
  fs::create_directory(killed(shards[0]));
  report = convert(folder / "source", folder / "killed", options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find(shards[0] + ": is no file, but has the name of a file of this conversion"),
            std::string::npos)
      << report.error().message;
  fs::remove(killed(shards[0]));
  EXPECT_TRUE(convert(folder / "source", folder / "killed", options).ok());
}

TEST_F(Interrupted, TheTokenizerAndTheIndexAreWrittenAnew) {
  folder.write("killed/tokenizer.json", "{\"t\": 2}"), folder.write("killed/model.safetensors.index.json", "{}");
  expect_mended("");
}

/// A journal of 0.1 has no checksums: nothing of it is proven.
TEST_F(Interrupted, AJournalWithoutChecksums) {
  Json journal = Json::parse(folder.read("killed/convert.json"));
  journal["mxpath_convert"] = 1;
  for (Json& shard : journal["shards"]) shard.erase("xxh3");
  for (Json& file : journal["source"]) file.erase("changed");
  folder.write("killed/convert.json", journal.dump());
  flip_a_bit(killed(shards[0]), 9);
  expect_mended(
      fmt::format("{} and {} more, finished by the interrupted run, without a checksum", shards[0], shards.size() - 1));
}

/// Each value that the report would repeat, and each that it would miss.
TEST_F(Interrupted, AnEntryOfTheJournalWasChanged) {
  const std::string original = folder.read("killed/convert.json");
  const auto fresh = convert(folder / "source", folder / "again", small_shards(CheckpointLayout::hugging_face_bf16));
  ASSERT_TRUE(fresh.ok());
  size_t shard = 0;
  while (Json::parse(original)["shards"][shard]["tensors"].empty()) ++shard;
  const auto expect_noticed = [&](auto change) {
    fs::remove_all(folder / "killed");
    fs::copy(folder / "before", folder / "killed");
    Json journal = Json::parse(original);
    change(journal["shards"][shard]);
    folder.write("killed/convert.json", journal.dump());
    const auto resumed = convert(folder / "source", folder / "killed", options);
    ASSERT_TRUE(resumed.ok()) << resumed.error().message;
    EXPECT_EQ(to_json(*fresh)["tensors"], to_json(*resumed)["tensors"]);
    EXPECT_EQ(resumed->remarks.size(), 1u);
    EXPECT_NE(to_text(*resumed).find(", finished by the interrupted run, with"), std::string::npos)
        << to_text(*resumed);
    EXPECT_TRUE(files_of(folder / "killed") == whole);
  };
  fs::copy(folder / "killed", folder / "before");
  expect_noticed([](Json& json) { json["tensors"][0]["values"] = 7; });
  expect_noticed([](Json& json) { json["tensors"][0]["changed"] = 7; });
  expect_noticed([](Json& json) { json["tensors"][0]["largest"] = 0.5; });
  expect_noticed([](Json& json) { json["tensors"][0]["sum"] = 1e300; });
  expect_noticed([](Json& json) { json["tensors"][0]["name"] = "lm_head.weight"; });
  expect_noticed([](Json& json) { json["tensors"] = Json::array(); });
  expect_noticed([](Json& json) { json["entry_xxh3"] = 0; });
  expect_noticed([](Json& json) { json.erase("entry_xxh3"); });
}

TEST_F(Interrupted, AJournalThatIsCutShort) {
  const std::string journal = folder.read("killed/convert.json");
  const auto before = files_of(folder / "killed");
  for (const size_t size : {size_t{0}, size_t{1}, journal.size() / 2, journal.size() - 3}) {
    folder.write("killed/convert.json", journal.substr(0, size));
    const auto report = convert(folder / "source", folder / "killed", options);
    ASSERT_FALSE(report.ok());
    EXPECT_NE(report.error().message.find(
                  "convert.json: this journal of an unfinished conversion is damaged; delete the folder"),
              std::string::npos)
        << report.error().message;
  }
  folder.write("killed/convert.json", std::string(journal.size(), '\0'));
  EXPECT_FALSE(convert(folder / "source", folder / "killed", options).ok());
  folder.write("killed/convert.json", journal);
  EXPECT_TRUE(files_of(folder / "killed") == before);
}

/// Other contents under the same size and time, as `touch -r` leaves them: nothing that was made from the old ones is
/// kept.
TEST_F(Interrupted, TheSourceChangedAndItsTimeWasSetBack) {
  const std::string weights = folder / "source/model.safetensors";
  const auto time = fs::last_write_time(weights);
  std::string text = folder.read("source/model.safetensors");
  for (size_t i = text.size() / 2; i < text.size(); i += 1000) text[i] = static_cast<char>(text[i] ^ 1);
  folder.write("source/model.safetensors", text);
  fs::last_write_time(weights, time);
  auto fresh = options;
  fresh.resume = false;
  ASSERT_TRUE(convert(folder / "source", folder / "again", fresh).ok());
  whole = files_of(folder / "again");
  expect_mended(
      fmt::format("{} and {} more, finished by the interrupted run, from source files that may have been changed since",
                  shards[0], shards.size() - 1));
}

TEST_F(Interrupted, AFolderInThePlaceOfTheLastFiles) {
  for (const std::string name : {"config.json", "tokenizer.json", "model.safetensors.index.json"}) {
    fs::remove(killed(name));
    fs::create_directory(killed(name));
    const auto report = convert(folder / "source", folder / "killed", options);
    ASSERT_FALSE(report.ok());
    EXPECT_NE(report.error().message.find(name + ": is no file"), std::string::npos) << report.error().message;
    fs::remove(killed(name));
  }
  expect_mended("");
}

TEST_F(Interrupted, WeightsOfAnotherConversionAreNotMixedIn) {
  for (const std::string name : {"model.safetensors", "model-00001-of-00099.safetensors"}) {
    folder.write("killed/" + name, "x");
    const auto report = convert(folder / "source", folder / "killed", options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().kind, ErrorKind::wrong_use);
    EXPECT_NE(report.error().message.find(name + ": this file is not of the conversion that is to be resumed"),
              std::string::npos)
        << report.error().message;
    fs::remove(killed(name));
  }
  expect_mended("");
}

/// Killed after config.json and before the journal is removed: the folder opens, and must not while a doubtful shard is
/// in it.
TEST(Resume, AFolderThatOpensAlreadyIsProvenToo) {
  TestFolder folder;
  write_tiny(folder / "source");
  auto options = small_shards(CheckpointLayout::hugging_face_bf16);
  const auto moments = moments_of(folder / "source", folder / "whole", options);
  kill_at(moments.size() - 1, folder / "source", folder / "killed", options);
  ASSERT_TRUE(open_manifest(folder / "killed").ok());
  std::string last;
  for (const auto& [name, text] : files_of(folder / "killed"))
    if (name.ends_with(".safetensors")) last = name;
  flip_a_bit(folder / ("killed/" + last), 9);
  options.resume = true;
  bool opened = false;
  options.progress = [&](std::string_view what, uint64_t, uint64_t) {
    if (what == last) opened = opened || open_manifest(folder / "killed").ok();
  };
  ASSERT_TRUE(convert(folder / "source", folder / "killed", options).ok());
  EXPECT_FALSE(opened);
  EXPECT_TRUE(files_of(folder / "killed") == files_of(folder / "whole"));
}

}  // namespace
}  // namespace mxpath::convert
