// `mxpath run --batch FILE --out FILE` killed again and again: every line is answered once, as if nothing had been.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "base/random.h"
#include "checkpoint/test_folder.h"
#include "run_program.h"

namespace mxpath {
namespace {

class KilledBatch : public testing::Test {
 protected:
  /// Questions of many lengths, some wrong, some with answers of their own length.
  void write_questions(int count) {
    Random random(5);
    std::string text;
    for (int i = 0; i < count; ++i) {
      const auto a = random.integer(1, 999), b = random.integer(1, 999);
      if (i % 17 == 5) text += "{\"prompt\": \"hello\", \"wrong\": 1}\n";
      else if (i % 5 == 3)
        text += fmt::format(R"({{"prompt": "{} + {}", "max_new_tokens": {}}})", a, b, 1 + a % 30) + "\n";
      else
        text +=
            fmt::format(R"({{"prompt": "What is {} {}+ {}?", "id": {}}})", a, std::string(a % 40, ' '), b, i) + "\n";
    }
    folder.write("questions", text);
  }
  std::string command(const std::string& out) const {
    return fmt::format(
        "\"$MXPATH\" run demo --batch '{}' --out '{}' --device cpu --sequences 3 --temperature 0 --seed 1 --no-date "
        "--max-new-tokens 24",
        folder / "questions", folder / out);
  }
  /// Kills the program so many seconds after it began, or after its file has come to `size` bytes; false: it had ended.
  bool run_killed(uint64_t size, double later) {
    std::filesystem::remove(folder / "pid");
    std::atomic<bool> ended = false;
    Ran ran;
    std::thread running([&] {
      ran = run_shell(
          fmt::format("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec {1}", folder / "pid", command("killed")));
      ended = true;
    });
    const auto nap = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); };
    while (!ended && !(std::filesystem::exists(folder / "pid") && size_of_killed() >= size)) nap(1e-4);
    nap(later);
    if (!ended) ::kill(std::stoi(folder.read("pid")), SIGKILL);
    running.join();
    return ran.code == 128 + SIGKILL;
  }
  uint64_t size_of_killed() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(folder / "killed", none);
    return none ? 0 : size;
  }
  std::string killed() const { return size_of_killed() > 0 ? folder.read("killed") : ""; }

  TestFolder folder;
};

TEST_F(KilledBatch, AnswersEachLineOnceAndAsUndisturbed) {
  constexpr int lines = 180, kills = 30;
  write_questions(lines);
  const Ran undisturbed = run_shell(command("whole"));
  ASSERT_EQ(undisturbed.code, 1) << undisturbed.err;  // some lines are wrong
  const std::string whole = folder.read("whole");
  ASSERT_EQ(std::ranges::count(whole, '\n'), lines);

  Random random(9);
  int hit = 0;
  for (int attempt = 0; hit < kills && attempt < 2 * kills; ++attempt) {
    // Some while it starts; most behind an answer or two more, so that something is left for the next.
    const size_t before = killed().size();
    const bool early = attempt % 5 == 4;
    hit += early ? run_killed(0, random.uniform() * 0.2)
                 : run_killed(before + static_cast<uint64_t>(random.integer(1, 900)), random.uniform() * 0.003);
    const std::string now = killed();
    ASSERT_TRUE(whole.starts_with(now)) << "kill " << hit << ", " << now.size() << " bytes";
    // The program counts what was there; of a torn line it leaves nothing.
    ASSERT_GE(now.size(), whole.rfind('\n', before == 0 ? 0 : before - 1) + 1);
    // The power goes before the last of it is on the disk; and a file that is whole too early begins again.
    const auto lost = static_cast<size_t>(random.integer(1, 200));
    if (now.size() == whole.size()) std::filesystem::resize_file(folder / "killed", whole.size() / 3);
    else if (attempt % 6 == 0 && now.size() > lost) std::filesystem::resize_file(folder / "killed", now.size() - lost);
  }
  EXPECT_EQ(hit, kills);
  const Ran last = run_shell(command("killed"));
  EXPECT_EQ(last.code, undisturbed.code) << last.err;
  EXPECT_EQ(folder.read("killed"), whole);
  const Ran again = run_shell(command("killed"));
  EXPECT_EQ(again.code, undisturbed.code) << again.err;
  EXPECT_EQ(folder.read("killed"), whole);
}

}  // namespace
}  // namespace mxpath
