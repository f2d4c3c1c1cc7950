// One command, one answer: exit codes, what goes to which stream, bad input.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "app/test_model.h"
#include "base/sanitized_for_test.h"
#include "run_program.h"

namespace mxpath {
namespace {

class Cli : public testing::Test {
 protected:
  TestFolder folder;
  std::string model = write_chat_model(folder);

  std::string file(const std::string& name, const std::string& text) {
    folder.write(name, text);
    return folder / name;
  }
  /// One line on standard error that begins with the program's name, and nothing on standard output.
  void expect_error(const Ran& ran, int code, const std::string& part) {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(ran.err.starts_with("mxpath: ")) << ran.err;
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Cli, HelpAndVersion) {
  const Ran help = run_mxpath({});
  EXPECT_EQ(help.code, 0);
  for (const char* word : {"run", "plan", "inspect", "score", "doctor", "diagnose", "Exit codes"})
    EXPECT_TRUE(has(help.out, word)) << word;
  EXPECT_TRUE(has(run_mxpath({"run", "--help"}).out, "--reasoning-effort"));
  EXPECT_FALSE(has(run_mxpath({"run", "--help"}).out, "inject"));
  EXPECT_TRUE(run_mxpath({"--version"}).out.starts_with("mxpath "));
}

TEST_F(Cli, WrongUseIsTwo) {
  expect_error(run_mxpath({"fly"}), 2, "fly: no such command");
  expect_error(run_mxpath({"pln", "demo"}), 2, "pln: no such command (the nearest name is plan)");
  expect_error(run_mxpath({"plan", "demo", "--thread", "2"}), 2,
               "--thread: no such option (the nearest name is --threads)");
  expect_error(run_mxpath({"plan", "demo", "--for", "decoding"}), 2,
               "--for decoding (the nearest name is decode): choose one of");
  expect_error(run_mxpath({"plan", "demo", "--device", "cdua"}), 2,
               "--device cdua (the nearest name is cuda): choose auto");
  expect_error(run_mxpath({"plan", "demo", "--device", "GPU:0"}), 2,
               "--device GPU:0 (the nearest name is cuda): choose auto");
  expect_error(run_mxpath({"plan", "demo", "--weights", "int-4"}), 2,
               "not a format for these weights (the nearest name is int4)");
  expect_error(run_mxpath({"plan", "demo", "--only", "linear.cpu.protable"}), 2,
               "(the nearest name is linear.cpu.portable.f32)");
  expect_error(run_mxpath({"run", "demo", "hi", "--reasoning-effort", "hgh"}), 2,
               "is unknown (the nearest name is high)");
  expect_error(run_mxpath({"bench", "--shape", "Demo"}), 2, "--shape Demo (the nearest name is demo): choose 20b");
  expect_error(run_mxpath({"run", "Demo", "hi"}), 1,
               "(the nearest name is demo); if another one is meant, get it with");
  expect_error(run_mxpath({"plan", "demo", "--machine", "rtx"}), 1, "(the nearest names are rtx_3090, rtx_4060");
  expect_error(run_mxpath({"run", model, "hello", "--wings"}), 2, "--wings");
  expect_error(run_mxpath({"run", model, "hello", "--threads", "none"}), 2, "--threads");
  expect_error(run_mxpath({"run", model, "hello", "--device", "gpu"}), 2,
               "choose auto, cpu, cuda, cuda:N or a GPU's UUID");
  expect_error(run_mxpath({"run", model, "hello", "--temperature", "-1"}), 2, "--temperature -1");
  expect_error(run_mxpath({"run", model, "hello", "--only", "no.such.path"}), 2, "no path has such a name");
  expect_error(run_mxpath({"run", model, "hello", "--exclude", "no.such.path"}), 2, "no path has such a name");
  expect_error(run_mxpath({"run", model, "hello", "--ctx", "1000000"}), 2, "--ctx 1000000");
  expect_error(run_mxpath({"run", "Solve 7x + 12 = 61."}), 2, "mxpath run demo");
  expect_error(run_mxpath({"score", model}), 2, "--tokens FILE or --text TEXT");
}

TEST_F(Cli, PipedAnswer) {
  const Ran ran = run_mxpath({"run", model, "--max-new-tokens", "6", "--seed", "3"}, "hello\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("\n"));
  EXPECT_FALSE(has(ran.out, "\x1b")) << "no terminal codes in a pipe";
  EXPECT_FALSE(has(ran.out, "memory "));
  EXPECT_TRUE(has(ran.err, "memory ")) << "the plan goes to standard error";
  EXPECT_TRUE(has(ran.err, "tok/s")) << ran.err;
  EXPECT_TRUE(has(ran.err, "of this machine's")) << ran.err;
  EXPECT_TRUE(has(ran.err, "stopped at --max-new-tokens 6")) << ran.err;
  EXPECT_EQ(run_mxpath({"run", model, "-", "--max-new-tokens", "6", "--seed", "3"}, "hello").out, ran.out);
  EXPECT_EQ(run_mxpath({"run", model, "hello", "--max-new-tokens", "6", "--seed", "3"}).out, ran.out);
  EXPECT_EQ(
      run_mxpath({"run", model, "hello", "--max-new-tokens", "6", "--seed", "3", "--no-kv-cache", "--threads", "1"})
          .out,
      ran.out);
}

TEST_F(Cli, JsonIsAllThereIs) {
  const Ran ran = run_mxpath({"run", model, "hello", "--max-new-tokens", "6", "--seed", "3", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json["seed"], 3);
  EXPECT_LE(json["tokens"].size(), 6u);
  EXPECT_TRUE(json["text"].is_string());
  EXPECT_TRUE(json["stop_reason"] == "length" || json["stop_reason"] == "stop");
  EXPECT_TRUE(json["timing"]["prompt_tokens_per_second"].is_number());
}

TEST_F(Cli, JsonErrorsToo) {
  for (const auto& [arguments, code] :
       std::vector<std::pair<std::vector<std::string>, int>>{{{"run", folder / "nothing", "hello", "--json"}, 1},
                                                             {{"run", model, "hello", "--wings", "--json"}, 2},
                                                             {{"plan", "--json", "--machine", "pdp11"}, 1}}) {
    const Ran ran = run_mxpath(arguments);
    EXPECT_EQ(ran.code, code);
    EXPECT_TRUE(ran.err.starts_with("mxpath: "));
    const std::string message = Json::parse(ran.out)["error"]["message"];
    EXPECT_TRUE(has(ran.err, message));
  }
}

TEST_F(Cli, TokensAreContinuedAsTheyAre) {
  const std::string tokens = file("t.json", "{\"tokens\": [65, 66, 67]}");
  const Ran ran =
      run_mxpath({"run", model, "--tokens", tokens, "--temperature", "0", "--max-new-tokens", "4", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json["timing"]["prompt_tokens"], 3);
  EXPECT_FALSE(json.contains("messages"));
  const Ran scored = run_mxpath({"score", model, "--tokens", tokens, "--top", "1", "--json"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  EXPECT_EQ(Json::parse(scored.out)["top"][2][0][0], json["tokens"][0]);  // greedy takes the most likely one
  EXPECT_EQ(
      run_mxpath({"run", model, "--tokens", "-", "--temperature", "0", "--max-new-tokens", "4"}, "[65, 66, 67]").out,
      json["text"].get<std::string>() + "\n");
}

TEST_F(Cli, BadTokenFiles) {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{{"[1, 2", "not valid JSON"},
                                                                                   {"[]", "is empty"},
                                                                                   {"[1.5]", "not an integer"},
                                                                                   {"[2048]", "vocabulary of 2048"},
                                                                                   {"{}", "expected a list"}})
    expect_error(run_mxpath({"run", model, "--tokens", file("t.json", text)}), 1, part);
  expect_error(run_mxpath({"run", model, "--tokens", folder / "none.json"}), 1, "none.json");
  expect_error(run_mxpath({"score", model, "--tokens", folder.path()}), 1, folder.path());
}

TEST_F(Cli, WhatFollowsAZeroByteIsLookedAt) {
  using namespace std::string_literals;
  expect_error(run_mxpath({"score", model, "--tokens", file("t.json", "[1, 2, 3]\0, 4, 5]"s)}), 1,
               "not valid JSON at byte 10");
  expect_error(run_mxpath({"score", model, "--tokens", file("t.json", "[1, 1e400]")}), 1,
               "byte 9: the number 1e400 is too large");
  expect_error(run_mxpath({"plan", model, "--machine", file("m.json", "{}\0{"s)}), 1, "not valid JSON at byte 3");
  for (const char* name : {"config.json", "tokenizer.json", "generation_config.json"}) {
    const TestFolder other;
    const std::string broken = write_chat_model(other);
    if (!std::filesystem::exists(broken + "/" + name)) other.write("chat/"s + name, "{}");
    other.write("chat/"s + name, other.read("chat/"s + name) + "\0x"s);
    expect_error(run_mxpath({"run", broken, "hello"}), 1, name + ": not valid JSON at byte"s);
  }
}

TEST_F(Cli, WhatWasDecidedIsSaid) {
  folder.write("chat/model.safetensors.index.json", R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})");
  const Ran ran = run_mxpath({"run", model, "hello", "--max-new-tokens", "1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.err, "model.safetensors.index.json is stale")) << ran.err;
  for (const char* command : {"inspect", "plan"}) {
    const Ran said = run_mxpath({command, model});
    EXPECT_TRUE(has(said.out + said.err, "model.safetensors.index.json is stale")) << command;
  }
}

TEST_F(Cli, ShapesWithoutEndAreRefused) {
  Json config = Json::parse(folder.read("chat/config.json"));
  config["num_local_experts"] = 16'777'216, config["hidden_size"] = 1, config["intermediate_size"] = 1;
  expect_error(run_mxpath({"bench", "--shape", file("c.json", config.dump()), "--tokens", "1", "--prompt", "4"}), 1,
               "num_local_experts");
}

TEST_F(Cli, BadPrompts) {
  expect_error(run_mxpath({"run", model, "-"}, ""), 1, "the prompt is empty");
  expect_error(run_mxpath({"run", model, ""}), 1, "the prompt is empty");
  std::string words;
  for (int i = 0; i < 9000; ++i) words += "word ";
  expect_error(run_mxpath({"run", model}, words), 1, "the context holds 8192, which leaves no room for an answer");
  expect_error(run_mxpath({"score", model, "--text", ""}), 1, "--text is empty");
  EXPECT_EQ(run_mxpath({"run", model, "--max-new-tokens", "2"}, std::string("\xff\x00\xfe\x80", 4)).code, 0)
      << "bytes that are no text become U+FFFD";
}

TEST_F(Cli, AVocabularySmallerThanTheSpecialTokens) {
  const TestFolder small;
  expect_error(run_mxpath({"run", write_chat_model(small, 2047), "hello"}), 1,
               "the vocabulary of the model has 2047 entries");
}

TEST_F(Cli, BrokenModels) {
  const std::string bytes = folder.read("chat/model.safetensors");
  folder.write("chat/model.safetensors", bytes.substr(0, bytes.size() / 2));
  expect_error(run_mxpath({"run", model, "hello"}), 1, "model.safetensors");
  expect_error(run_mxpath({"inspect", model}), 1, "model.safetensors");
  expect_error(run_mxpath({"run", "nobody/nothing", "hello"}), 1, "hf download nobody/nothing");
  std::filesystem::remove(model + "/model.safetensors");
  EXPECT_EQ(run_mxpath({"run", model, "hello"}).code, 1);
  EXPECT_EQ(run_mxpath({"plan", model}).code, 0);
}

TEST_F(Cli, LargerThanMemoryIsRefusedBeforeAnythingIsRead) {
  expect_error(run_mxpath({"run", model, "hello", "--memory", "0.0001"}), 1, "of memory");
  const Ran planned = run_mxpath({"plan", model, "--memory", "0.0001"});
  EXPECT_EQ(planned.code, 1);
  EXPECT_TRUE(has(planned.out, "does not fit")) << "the plan is printed all the same";
  const Ran json = run_mxpath({"plan", model, "--memory", "0.0001", "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_TRUE(Json::parse(json.out).contains("sites"));
  EXPECT_TRUE(Json::parse(json.out)["error"].contains("message"));
}

TEST_F(Cli, StrictRefusesAFallback) {
  const Ran fell_back =
      run_mxpath({"run", model, "hello", "--max-new-tokens", "2", "--inject-failure", "moe_gate_up.cpu.a*"});
  EXPECT_EQ(fell_back.code, 0) << fell_back.err;
  const Ran strict = run_mxpath({"plan", model, "--weights", "bf16", "--strict"});
  EXPECT_EQ(strict.code, 3) << strict.err;
  EXPECT_TRUE(has(strict.out, "\nconverted ")) << strict.out;
  EXPECT_EQ(run_mxpath({"plan", model, "--weights", "bf16"}).code, 0);
  EXPECT_EQ(run_mxpath({"run", model, "hello", "--weights", "bf16", "--strict"}).code, 3);
  // The portable path: because the machine has no better one, because it was asked for, and because the better one
  // fails while loading.
  const Ran old_machine = run_mxpath({"plan", model, "--machine", "x86_64_v1", "--strict"});
  EXPECT_EQ(old_machine.code, 3) << old_machine.err;
  EXPECT_TRUE(has(old_machine.err, "moe_gate_up.cpu.portable.f32")) << old_machine.err;
  expect_error(run_mxpath({"score", model, "--text", "one", "--only", "*.portable.*", "--strict"}), 3,
               "moe_gate_up.cpu.portable.f32");
  if (Json::parse(run_mxpath({"plan", model, "--json"}).out).dump().find("\"chosen\":\"moe_gate_up.cpu.portable") ==
      std::string::npos) {
    const Ran failed = run_mxpath({"run", model, "hello", "--strict", "--inject-failure", "moe_gate_up.cpu.a*:exact"});
    EXPECT_EQ(failed.code, 3) << failed.err;
    EXPECT_TRUE(has(failed.err, "exact problem made to fail")) << failed.err;
    EXPECT_EQ(failed.out, "");
  }
  expect_error(run_mxpath({"run", model, "hello", "--inject-failure", "moe_down.cpu.*:colour"}), 2,
               "image, exact, random, packing or device");
}

TEST_F(Cli, ForcedPaths) {
  const Ran forced = run_mxpath({"plan", model, "--only", "*.portable.*", "--json"});
  ASSERT_EQ(forced.code, 0) << forced.err;
  const Json plan = Json::parse(forced.out);  // outlives the loop
  for (const auto& site : plan["sites"])
    for (const auto& regime : site["regimes"]) EXPECT_TRUE(has(regime["chosen"], ".portable.")) << site["site"];
  expect_error(run_mxpath({"plan", model, "--machine", "x86_64_v1", "--only", "*.avx512.*"}), 1, "avx512");
  expect_error(run_mxpath({"plan", model, "--device", "cpu", "--only", "moe_down.cuda.*"}), 1,
               "Paths that can: moe_down.cpu.");
  expect_error(run_mxpath({"plan", model, "--machine", "haswell", "--only", "moe_down.cpu.avx2.bf16_f32"}), 1,
               "reads bf16_rows16; the weights are held as ");
  for (const char* glob : {"*cuda*", "sample.cuda*"}) {
    const Ran on_gpu = run_mxpath({"plan", model, "--machine", "rtx_3090", "--device", "cuda", "--only", glob});
    EXPECT_EQ(on_gpu.code, 0) << on_gpu.err;
  }
}

TEST_F(Cli, AFailureMadeOnPurposeIsSeenOrSaid) {
  const Ran planned = run_mxpath({"plan", model, "--machine", "haswell", "--inject-failure", "moe_gate_up.cpu.avx2*"});
  EXPECT_EQ(planned.code, 0) << planned.err;
  EXPECT_TRUE(has(planned.err, "is not used: made to fail by --inject-failure")) << planned.err;
  EXPECT_TRUE(has(planned.out, "\nfallback  ")) << planned.out;
  expect_error(run_mxpath({"plan", model, "--machine", "haswell", "--inject-failure", "norm.cpu.*"}), 1,
               "the portable path failed");
  const std::string idle =
      "mxpath: --inject-failure norm.cuda.*: no path of this plan is norm.cuda.*, so nothing failed\n";
  EXPECT_EQ(run_mxpath({"plan", model, "--machine", "haswell", "--inject-failure", "norm.cuda.*"}).err, idle);
  const Ran ran = run_mxpath(
      {"run", model, "hello", "--max-new-tokens", "1", "--device", "cpu", "--inject-failure", "norm.cuda.*"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(has(ran.err, idle)) << ran.err;
}

TEST_F(Cli, ComparesAndSaysHowItWent) {
  const auto compared = [&](std::vector<std::string> more, const std::string& plot = "") {
    more.insert(more.begin(), {"compare", model, "--positions", "4", "--prompts",
                               file("p.txt", "{\"text\": \"one two three\"}\n"), "--device", "cpu"});
    if (!plot.empty()) more.insert(more.end(), {"--plot", plot});
    return run_mxpath(more);
  };
  const std::string plot = folder / "size.svg";
  const Ran good = compared({"--weights", "as-stored"}, plot);
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_TRUE(std::filesystem::exists(plot));
  EXPECT_NE(compared({"--kv", "all"}).out.find("fp8-e4m3"), std::string::npos);
  const Ran strict = compared({"--weights", "as-stored,fp32", "--strict", "--json"});
  EXPECT_EQ(strict.code, 3) << strict.err;
  EXPECT_EQ(Json::parse(strict.out)["formats"].size(), 3u);
  EXPECT_TRUE(Json::parse(strict.out).contains("error"));
  expect_error(compared({"--weights", "int8", "--strict"}), 3, "--strict");
  expect_error(compared({"--only", "nothing*"}), 2, "no path has such a name");
  expect_error(compared({"--only", "moe_down.cuda.*"}), 1, "none of the paths selected by --only can run");
  // Seconds or hours later would be too late.
  expect_error(compared({}, folder / "no/such.svg"), 1, "there is no folder");
  expect_error(compared({}, folder / ""), 1, "is a folder");
  std::filesystem::create_symlink("/dev/null",
                                  folder / "device");  // not /dev/null itself, which root would lose if this failed
  expect_error(compared({}, folder / "device"), 1, "device: is a device or a pipe");
  expect_error(compared({"--plot", ""}), 2, "--plot: must not be empty");
}

TEST_F(Cli, PlansForAllMachinesAtOnce) {
  const Ran table = run_mxpath({"plan", model, "--machine", "all"});
  ASSERT_EQ(table.code, 0) << table.err;
  for (const char* machine : {"h100", "rtx_4090", "gb10", "x86_64_v1"})
    EXPECT_TRUE(has(table.out, std::string("\n") + machine + " ")) << machine;
  const Ran json = run_mxpath({"plan", model, "--machine", "all", "--json"});
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_GE(Json::parse(json.out)["machines"].size(), 25u);
  expect_error(run_mxpath({"plan", model, "--machine", "all", "--only", "*.avx1024.*"}), 2, "no path has such a name");
}

TEST_F(Cli, PlansForOtherMachines) {
  for (const char* machine : {"h100", "haswell", "zen4.json", MXPATH_SOURCE_DIR "/tests/machines/b200.json"})
    EXPECT_EQ(run_mxpath({"plan", model, "--machine", machine}).code, 0) << machine;
  expect_error(run_mxpath({"plan", model, "--machine", "pdp11"}), 1, "haswell");
  const Ran arm = run_mxpath({"plan", model, "--machine", "DGX Spark"});
  EXPECT_EQ(arm.code, 1);
  EXPECT_TRUE(arm.out.starts_with("NOT BUILT mxpath is built for x86-64 only")) << arm.out.substr(0, 200);
  for (const char* command : {"plan", "doctor", "diagnose"})
    expect_error(run_mxpath({command, "--machine", ""}), 2, "--machine: must not be empty");
  EXPECT_TRUE(has(run_mxpath({"plan", model, "--machine", "NVIDIA GeForce RTX 3090"}).out, "Ryzen 9 5900X"));
  expect_error(run_mxpath({"plan", model, "--machine", "RTX 4080"}), 1, "compute capability 8.9");
  expect_error(run_mxpath({"plan", model, "--machine", file("m.json", "{}")}), 1, "m.json");
}

uint64_t meminfo(const std::string& field) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  uint64_t kib = 0;
  while (file >> word)
    if (word == field + ":" && file >> kib) return kib << 10;
  return 0;
}

// MemTotal less half a gigabyte was said to be available, whatever other programs held.
TEST_F(Cli, WhatAnotherProgramHoldsIsNotAvailable) {
  constexpr uint64_t held = uint64_t{1} << 30;
  if (meminfo("MemAvailable") < 2 * held) GTEST_SKIP() << "less than 2 GiB are free";
  const std::vector<char> hog(held, 'x');
  const Ran ran = run_mxpath({"plan", model, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_LT(Json::parse(ran.out)["devices"][0]["memory"]["available"].get<uint64_t>(), meminfo("MemTotal") - held);
  EXPECT_EQ(hog.back(), 'x');
  EXPECT_TRUE(has(run_mxpath({"plan", model}).out, "; other programs hold "));
}

TEST_F(Cli, PlanningALargeModelIsQuick) {
  RandomCheckpoint large;
  large.config = gpt_oss_120b_config();
  large.headers_only = true;
  ASSERT_TRUE(write_random_checkpoint(folder / "120b", large).ok());
  double best = 1;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run_mxpath({"plan", folder / "120b", "--memory", "100"}).code, 0);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const bool driver = std::filesystem::exists("/proc/driver/nvidia");  // opening it takes longer than planning
  EXPECT_LT(best, sanitized || driver ? 1 : 0.05);
}

TEST_F(Cli, Inspect) {
  EXPECT_TRUE(has(run_mxpath({"inspect", model}).out, "gate_up_weight"));
  const Json json = Json::parse(run_mxpath({"inspect", model, "--tensors", "--json"}).out);
  EXPECT_EQ(json["config"]["vocab"], 2048);
  uint64_t bytes = 0;
  for (const auto& tensor : json["tensors"])
    bytes += tensor["data"]["bytes"].get<uint64_t>() +
             (tensor.contains("scales") ? tensor["scales"]["bytes"].get<uint64_t>() : 0);
  EXPECT_EQ(json["bytes"], bytes);
}

TEST_F(Cli, ScoreAsText) {
  const Ran ran = run_mxpath({"score", model, "--text", "one two", "--top", "2"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "perplexity ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "next:")) << ran.out;
  EXPECT_TRUE(Json::parse(run_mxpath({"score", model, "--tokens", file("one.json", "[5]"), "--json"}).out)["perplexity"]
                  .is_null());
}

TEST_F(Cli, ShardSizesThatCannotBeMeant) {
  for (const char* size : {"-5", "0x10", "5XB", "18446744073709551615"})
    expect_error(run_mxpath({"convert", model, folder / "out", "--to", "bf16", "--shard-bytes", size}), 2,
                 std::string("--shard-bytes ") + size +
                     ": give a number of bytes, or one with a unit such as 500MB, 1.5GB or 2GiB");
  expect_error(run_mxpath({"convert", model, folder / "out", "--to", "bf16", "--shard-bytes", "0"}), 2,
               "must be above 0");
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  EXPECT_EQ(run_mxpath({"convert", model, folder / "out", "--to", "bf16", "--shard-bytes", "0.1MB"}).code, 0);
}

TEST_F(Cli, ALimitOnTheSizeOfFilesIsAnErrorLikeAnother) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{50'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Ran ran = run_mxpath({"convert", model, folder / "out", "--to", "bf16"});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  expect_error(ran, 1, "the file size limit of this shell (ulimit -f)");
}

TEST_F(Cli, ConvertIntoALinkThatLeadsNowhere) {
  std::filesystem::create_symlink("nowhere", folder / "link");
  expect_error(run_mxpath({"convert", model, folder / "link", "--to", "bf16"}), 2,
               "link: is a link that leads nowhere (nowhere)");
  expect_error(run_mxpath({"convert", model, folder / "link/inside", "--to", "bf16"}), 2,
               "link: is a link that leads nowhere (nowhere)");
}

TEST_F(Cli, DoctorAndItsBundle) {
  const Ran text = run_mxpath({"doctor", "--lang", "en"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(has(text.out, "tok/s answering")) << text.out;
  const std::string bundle = folder / "bundle.json";
  const Ran json = run_mxpath({"doctor", "--machine", "h100", "--versions",
                               "torch=2.8.0 triton=3.4.0 transformers=4.55.0", "--bundle", bundle, "--json"});
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_TRUE(Json::parse(json.out).is_object());
  const Ran planned = run_mxpath({"plan", model, "--machine", bundle});
  EXPECT_EQ(planned.code, 0) << planned.err;
  EXPECT_TRUE(has(planned.out, "8480C")) << planned.out;
  expect_error(run_mxpath({"doctor", "--machine", "h100", "--bundle", bundle}), 1, "bundle.json");
  expect_error(run_mxpath({"doctor", "--site-packages", folder / "none"}), 1, "none");
}

TEST_F(Cli, DiagnoseHasItsOwnExitCodes) {
  const std::string log =
      "Traceback (most recent call last):\n  File \"serve.py\", line 3, in <module>\nModuleNotFoundError: No module "
      "named "
      "'triton.tools.ragged_tma'\n";
  const Ran found = run_mxpath({"diagnose", "--lang", "en", "--machine", "h100"}, log);
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_TRUE(has(found.out, "ragged_tma")) << found.out;
  EXPECT_TRUE(has(found.out, "mxpath would run it there")) << found.out;
  const Ran json = run_mxpath({"diagnose", file("server.log", log), "--json"});
  EXPECT_EQ(Json::parse(json.out)["findings"].size(), 1u);
  EXPECT_EQ(run_mxpath({"diagnose", "-"}, "all is well\n").code, 1);
  expect_error(run_mxpath({"diagnose", folder / "none.log"}), 4, "none.log: no such file");
  expect_error(run_mxpath({"diagnose", file("log.zst", "\x28\xb5\x2f\xfd rest")}), 4, "zstd -dc");
  EXPECT_EQ(run_shell("timeout 20 \"$MXPATH\" diagnose </dev/zero").code, 4);
  EXPECT_EQ(run_shell("\"$MXPATH\" diagnose >/dev/full", log).code, 4) << "1 would say that there was no failure";
  expect_error(run_mxpath({"diagnose", "--lang", "fr"}), 2, "--lang");
}

TEST_F(Cli, ControlCStopsAnAnswer) {
  RandomCheckpoint endless;  // its vocabulary holds no stop token
  endless.config = tiny_config();
  ASSERT_TRUE(write_random_checkpoint(folder / "endless", endless).ok());
  const Ran ran =
      run_mxpath({"run", folder / "endless", "--tokens", file("t.json", "[1, 2]"), "--ctx", "131072"}, "", 200);
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(has(ran.err, "stopped by Ctrl-C")) << ran.err;
  EXPECT_TRUE(has(ran.err, "| answer ")) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("\n"));
}

}  // namespace
}  // namespace mxpath
