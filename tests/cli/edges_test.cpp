// The edges of the program: streams that are gone, pipes and devices where files are expected, names and numbers that
// nobody meant.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "app/test_model.h"
#include "base/sanitized_for_test.h"
#include "run_program.h"

namespace mxpath {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Edges : public testing::Test {
 protected:
  TestFolder folder;
  std::string model = write_chat_model(folder);

  std::string file(const std::string& name, const std::string& text) {
    folder.write(name, text);
    return folder / name;
  }
  std::string pipe(const std::string& path) {
    std::filesystem::remove(path);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0) << path;
    return path;
  }
  /// Exit code of "$MXPATH" with these words and redirections; 124 where it does not end.
  int code_of(const std::string& words, const std::string& input = "") {
    return run_shell("timeout 20 \"$MXPATH\" " + words, input).code;
  }
  /// One line of bounded length without control characters.
  void expect_plain_error(const Ran& ran, const std::string& what) {
    EXPECT_TRUE(ran.code == 1 || ran.code == 2 || ran.code == 4) << what << ": " << ran.code;
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << what << ": " << ran.err.substr(0, 300);
    EXPECT_FALSE(has(ran.err, "\x1b")) << what;
    EXPECT_LT(ran.err.size(), 2000u) << what;
  }
};

TEST_F(Edges, StandardErrorMayBeGone) {
  const std::string log = file("log", "all is well\n");
  const std::pair<std::string, int> commands[] = {{"run " + model + " hi --max-new-tokens 1 -v", 0},
                                                  {"score " + model + " --text hi -v", 0},
                                                  {"plan " + model, 0},
                                                  {"inspect " + model, 0},
                                                  {"inspect nowhere", 1},
                                                  {"run " + model + " hi --wings", 2},
                                                  {"plan " + model + " --weights bf16 --strict", 3},
                                                  {"bench --shape tiny --prompt 0 --tokens 2", 0},
                                                  {"diagnose " + log, 1},
                                                  {"convert " + model + " nowhere/x --to fp", 2},
                                                  {"doctor --machine h100 --lang en", 0}};
  for (const auto& [words, code] : commands)
    for (const char* redirection : {" 2>/dev/full", " 2>&-"})
      EXPECT_EQ(code_of(words + redirection), code) << words << redirection;
  // A reader of standard error that went away is no reason to end either.
  const Ran ran = run_shell("\"$MXPATH\" run " + model + " hi --max-new-tokens 1 -v 2>&1 >" + (folder / "answer") +
                            " | true; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(ran.code, 0);
  EXPECT_FALSE(folder.read("answer").empty());
}

TEST_F(Edges, AReaderThatGoesAwayEndsTheProgramSilently) {
  for (const std::string& words : {"plan " + model, "inspect " + model + " --json", std::string("--help")}) {
    const Ran ran = run_shell("{ sleep 0.3; exec \"$MXPATH\" " + words + "; } | true; exit ${PIPESTATUS[0]}");
    EXPECT_EQ(ran.code, 141) << words;
    EXPECT_EQ(ran.err, "") << words;
  }
}

TEST_F(Edges, BothStreamsMayBeGone) {
  int number = 0;
  for (const char* redirection : {" >&- 2>&-", " >/dev/full 2>/dev/full", " <&- >&- 2>&-"}) {
    for (const std::string& words :
         {"run " + model + " hi --max-new-tokens 1", "inspect " + model, "plan " + model, std::string("--help"),
          std::string("bench --shape tiny --prompt 0 --tokens 2"), "score " + model + " --text hi"})
      EXPECT_EQ(code_of(words + redirection), 1) << words << redirection;
    const std::string target = folder / ("converted" + std::to_string(number++));
    EXPECT_EQ(code_of("convert " + model + " " + target + " --to bf16" + redirection), 1);
    EXPECT_EQ(run_mxpath({"inspect", target}).code, 0) << "what was converted is whole";
  }
}

TEST_F(Edges, OutputThatCannotBeWrittenIsToldWithItsReason) {
  const Ran full = run_shell("\"$MXPATH\" inspect " + model + " >/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.err, "mxpath: standard output cannot be written: the disk is full\n");
  const Ran closed = run_shell("\"$MXPATH\" --version >&-");
  EXPECT_EQ(closed.code, 1);
  EXPECT_TRUE(has(closed.err, "standard output cannot be written: Bad file descriptor")) << closed.err;
}

TEST_F(Edges, AnAnswerThatNobodyCanReadEnds) {
  RandomCheckpoint endless;  // its vocabulary holds no stop token
  endless.config = tiny_config();
  ASSERT_TRUE(write_random_checkpoint(folder / "endless", endless).ok());
  const Ran ran = run_shell("timeout 30 \"$MXPATH\" run " + (folder / "endless") +
                            " --tokens <(echo [1,2]) --ctx 131072 >/dev/full");
  EXPECT_EQ(ran.code, 1);
  EXPECT_FALSE(has(ran.err, "Ctrl-C")) << ran.err;
}

TEST_F(Edges, NoFileOfAModelBecomesAStandardStream) {
  const std::string before = folder.read("chat/model.safetensors");
  EXPECT_EQ(code_of("run " + model + " hi --max-new-tokens 2 -v <&- 2>&-"), 0);
  EXPECT_EQ(code_of("run " + model + " hi --max-new-tokens 2 -v >&-"), 1);
  EXPECT_EQ(folder.read("chat/model.safetensors"), before);
  const Ran closed = run_shell("\"$MXPATH\" run " + model + " - <&-");
  EXPECT_EQ(closed.code, 1);
  EXPECT_TRUE(has(closed.err, "standard input: cannot be read")) << closed.err;
}

TEST_F(Edges, APipeInAModelsFolderIsRefused) {
  const std::string text = model + " hi --max-new-tokens 1";
  const std::pair<const char*, std::string> readers[] = {
      {"config.json", "inspect " + model},       {"model.safetensors.index.json", "inspect " + model},
      {"model.safetensors", "inspect " + model}, {"tokenizer.json", "run " + text},
      {"generation_config.json", "run " + text}, {"problems.jsonl", "compare " + model}};
  for (const auto& [name, words] : readers) {
    const std::string path = model + "/" + name, aside = folder / "aside";
    const bool there = std::filesystem::exists(path);
    if (there) std::filesystem::rename(path, aside);
    pipe(path);
    const Ran ran = run_shell("timeout 20 \"$MXPATH\" " + words);
    EXPECT_EQ(ran.code, 1) << name << ran.err;
    EXPECT_TRUE(has(ran.err, std::string(name) + ": not a regular file but a pipe")) << ran.err;
    std::filesystem::remove(path);
    if (there) std::filesystem::rename(aside, path);
  }
}

TEST_F(Edges, APipeInOtherPlacesEndsTheWaitToo) {
  const std::string fifo = pipe(folder / "fifo"), hi = " " + model + " ";
  for (const std::string& words :
       {"run" + hi + "--tokens " + fifo, "score" + hi + "--tokens " + fifo, "compare" + hi + "--prompts " + fifo,
        "bench --shape " + fifo, "plan" + hi + "--machine " + fifo, "diagnose " + fifo, "inspect " + fifo,
        "convert " + fifo + " " + (folder / "out") + " --to bf16", "compare" + hi + "--plot " + fifo,
        "bench --shape tiny --out " + fifo, "convert" + hi + fifo + " --to bf16", "doctor --bundle " + fifo,
        "doctor --python " + fifo}) {
    const Ran ran = run_shell("timeout 20 \"$MXPATH\" " + words);
    EXPECT_TRUE(ran.code == 1 || ran.code == 2 || (ran.code == 4 && words.starts_with("diagnose")))
        << words << ": " << ran.code;
    EXPECT_TRUE(has(ran.err, "fifo")) << ran.err;
  }
  ASSERT_EQ(code_of("convert" + hi + (folder / "begun") + " --to bf16"), 0);
  pipe(folder / "begun/convert.json");
  EXPECT_NE(code_of("convert" + hi + (folder / "begun") + " --to bf16 --resume"), 124);
  std::filesystem::create_directories(folder / "hub/models--a--b/refs");
  pipe(folder / "hub/models--a--b/refs/main");
  const Ran cached = run_shell("HF_HUB_CACHE=" + (folder / "hub") + " timeout 20 \"$MXPATH\" inspect a/b");
  EXPECT_EQ(cached.code, 1) << cached.err;
}

TEST_F(Edges, WhatTheUserNamesMayBeAPipe) {
  const std::string options = " --temperature 0 --max-new-tokens 3 --seed 1";
  const std::string tokens = file("t.json", "[65, 66, 67]");
  const Ran from_file = run_mxpath({"run", model, "--tokens", tokens, "--temperature", "0", "--max-new-tokens", "3"});
  ASSERT_EQ(from_file.code, 0) << from_file.err;
  EXPECT_EQ(run_shell("\"$MXPATH\" run " + model + " --tokens <(cat " + tokens + ")" + options).out, from_file.out);
  EXPECT_EQ(run_shell("\"$MXPATH\" run " + model + " --tokens <(sleep 2; cat " + tokens + ")" + options).out,
            from_file.out)
      << "a slow writer";
  EXPECT_EQ(run_shell("\"$MXPATH\" run " + model + " --tokens /dev/stdin" + options, "[65, 66, 67]").out,
            from_file.out);
  EXPECT_EQ(code_of("compare " + model + " --weights as-stored --positions 2 --prompts <(echo one two three)"), 0);
  EXPECT_EQ(code_of("plan " + model + " --machine <(cat " MXPATH_SOURCE_DIR "/tests/machines/h100.json)"), 0);
  EXPECT_EQ(code_of("diagnose <(echo all is well)"), 1);
  EXPECT_TRUE(has(run_shell("\"$MXPATH\" run " + model + " --tokens <(true)").err, "not valid JSON"));
}

TEST_F(Edges, DevicesAndFoldersAreNoFiles) {
  for (const std::string& path :
       {std::string("/dev/zero"), std::string("/dev/null"), std::string("/dev/full"), folder.path()})
    for (const std::string& words :
         {"run " + model + " --tokens ", "compare " + model + " --prompts ", std::string("diagnose ")}) {
      const Ran ran = run_shell("timeout 20 \"$MXPATH\" " + words + path);
      EXPECT_EQ(ran.code, words == "diagnose " ? 4 : 1) << words << path;
      EXPECT_TRUE(has(ran.err, path + ": not a regular file but a ")) << ran.err;
    }
}

TEST_F(Edges, NamesAreShownOnOneLineAndNotWhole) {
  const std::string plain = file("p.txt", "one\n");
  for (const std::string& name :
       {std::string("a\nb\x1b[31m"), std::string(100'000, 'x'), "a b\x1b]0;title\x07 " + std::string(100'000, 'y')}) {
    std::vector<std::vector<std::string>> lines = {{"inspect", name},
                                                   {"run", name, "hi"},
                                                   {name},
                                                   {"plan", name},
                                                   {"score", name, "--text", "a"},
                                                   {"bench", "--shape", name},
                                                   {"diagnose", name},
                                                   {"diagnose", "--checkpoint", name, plain},
                                                   {"diagnose", "--versions", name, plain},
                                                   {"doctor", name},
                                                   {"doctor", "--site-packages", name},
                                                   {"doctor", "--python", name},
                                                   {"doctor", "--versions", name},
                                                   {"doctor", "--bundle", name + "/x"},
                                                   {"convert", name, folder / "out", "--to", "bf16"},
                                                   {"convert", model, "/dev/null/" + name, "--to", "bf16"},
                                                   {"convert", model, folder / "out", "--to", name}};
    for (const char* option :
         {"--tokens", "--ctx", "--seed", "--temperature", "--device", "--weights", "--dense-weights", "--numerics",
          "--only", "--exclude", "--date", "--reasoning-effort", "--show", "--memory", "--inject-failure"})
      lines.push_back({"run", model, option, name});
    for (const char* option : {"--machine", "--lang", "--strict", "--x"})
      lines.push_back({"plan", model, std::string(option) + "=" + name});
    for (const char* option : {"--prompts", "--plot", "--weights", "--problems"})
      lines.push_back({"compare", model, option, std::string(option) == "--plot" ? name + "/x.svg" : name});
    lines.push_back({"plan", model, "--" + name});
    for (const auto& line : lines)
      expect_plain_error(run_mxpath(line, "all is well\n"),
                         line[0] + " " + (line.size() > 2 ? line[2].substr(0, 30) : ""));
  }
  EXPECT_TRUE(has(run_mxpath({"inspect", "없는 폴더"}).err, "없는 폴더")) << "letters of any script stay as they are";
}

TEST_F(Edges, NamesOfFilesAreShownOnOneLineToo) {
  const std::string odd = folder / "odd\n\x1b[31m";
  std::filesystem::rename(model, odd);
  EXPECT_EQ(run_mxpath({"inspect", odd}).code, 0);
  folder.write("odd\n\x1b[31m/config.json", "{");
  expect_plain_error(run_mxpath({"inspect", odd}), "a broken config");
  std::filesystem::remove(odd + "/config.json");
  expect_plain_error(run_mxpath({"inspect", odd}), "no config");
  const Ran json = run_mxpath({"inspect", odd, "--json"});
  EXPECT_FALSE(has(Json::parse(json.out)["error"]["message"].get<std::string>(), "\x1b"));
  expect_plain_error(run_shell("MXPATH_DEMO_DIR=$'x\\ny\\e[31m' \"$MXPATH\" inspect demo"), "MXPATH_DEMO_DIR");
}

TEST_F(Edges, NumbersAreDecimalAndInRange) {
  const std::pair<std::vector<std::string>, std::vector<std::string>> commands[] = {
      {{"run", model, "hi"},
       {"--seed", "--top-k", "--max-new-tokens", "--threads", "--ctx", "--gpu-layers", "--cpu-experts"}},
      {{"bench", "--shape", "tiny"}, {"--seed", "--prompt", "--depth", "--tokens", "--repeat"}},
      {{"score", model, "--text", "a"}, {"--top"}},
      {{"compare", model}, {"--positions", "--problems"}},
      {{"convert", model, folder / "out", "--to", "bf16"}, {"--threads"}}};
  for (const auto& [words, options] : commands)
    for (const std::string& option : options)
      for (const char* value : {"-1", "99999999999999999999", "18446744073709551616", "0x10", "010", "1e3", " 7", "7 ",
                                "1.0", "+1", "1_000", "1'000", "seven", "0b11", "\xef\xbc\x91"}) {
        std::vector<std::string> line = words;
        line.push_back(option + "=" + value);
        const Ran ran = run_mxpath(line);
        EXPECT_EQ(ran.code, 2) << option << " " << value << ran.err;
        EXPECT_TRUE(has(ran.err, option + ": a whole number from ")) << ran.err;
      }
  EXPECT_TRUE(has(run_mxpath({"run", model, "hi", "--seed", "-1"}).err,
                  "--seed: a whole number from 0 to 18446744073709551615"));
  const Ran largest =
      run_mxpath({"run", model, "hi", "--seed", "18446744073709551615", "--max-new-tokens", "1", "--json"});
  EXPECT_EQ(Json::parse(largest.out)["seed"], 18446744073709551615u);
  for (const char* option : {"--temperature", "--top-p", "--min-p", "--memory"})
    for (const char* value : {"nan", "inf", "0x1", "1,5", " 1", "one"})
      EXPECT_EQ(run_mxpath({"run", model, "hi", std::string(option) + "=" + value}).code, 2) << option << value;
}

TEST_F(Edges, AdviceIsPossibleAndEnough) {
  const auto prompt_of = [&](int tokens) {
    std::string list = "[65";
    for (int i = 1; i < tokens; ++i) list += ",65";
    return file("long.json", list + "]");
  };
  const int most = tiny_config().max_positions;
  const Ran too_long = run_mxpath({"run", model, "--tokens", prompt_of(most + 1)});
  EXPECT_EQ(too_long.code, 1);
  EXPECT_FALSE(has(too_long.err, "--ctx")) << too_long.err;
  const Ran at_most = run_mxpath({"score", model, "--tokens", prompt_of(300), "--ctx", "200"});
  EXPECT_TRUE(has(at_most.err, "choose --ctx 300 or more")) << at_most.err;
  EXPECT_EQ(run_mxpath({"score", model, "--tokens", prompt_of(300), "--ctx", "300"}).code, 0);
}

TEST_F(Edges, ControlCharactersOfAModelDoNotReachATerminal) {
  const std::string odd = folder / "odd\x1b[31m";
  std::filesystem::rename(model, odd);
  OnTerminal terminal({"inspect", odd});
  EXPECT_EQ(terminal.end(), 0);
  EXPECT_FALSE(has(terminal.screen(), "\x1b[31m")) << terminal.screen();
  EXPECT_TRUE(has(terminal.screen(), "\\x1b[31m")) << terminal.screen();
}

TEST_F(Edges, WeightsCutShortWhileTheyAreReadAreNamed) {
  OnTerminal terminal({"run", model, "--max-new-tokens", "3", "--no-date"});
  ASSERT_TRUE(terminal.shows("Ctrl-D leaves")) << terminal.screen();
  ASSERT_TRUE(terminal.shows("> ")) << terminal.screen();
  std::filesystem::resize_file(model + "/model.safetensors", 0);
  terminal.type("hello\r");
  EXPECT_TRUE(terminal.shows("model.safetensors: was cut short while it was read")) << terminal.screen();
  EXPECT_EQ(terminal.end(), 1);
}

TEST_F(Edges, LittleMemoryIsASentence) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs more room than that";
  for (const char* kib : {"60000", "100000", "200000", "400000", "800000"})
    for (const std::string& words :
         {"run " + model + " hi --max-new-tokens 1", "inspect " + model, "plan " + model + " --json"}) {
      const Ran ran = run_shell("ulimit -v " + std::string(kib) + "; timeout 60 \"$MXPATH\" " + words);
      EXPECT_TRUE(ran.code != 134 && ran.code != 139) << kib << " " << words << ran.err;
      EXPECT_TRUE(ran.code != 1 || has(ran.err, "mxpath: ")) << ran.err;
    }
}

}  // namespace
}  // namespace mxpath
