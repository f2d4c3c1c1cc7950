// What reports take from elsewhere has a form in each of their languages.
#include "diagnose/sentences.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "diagnose/doctor.h"

namespace mxpath::diagnose {
namespace {

std::string with_gaps(std::string_view pattern, std::string_view word) {
  std::string out(pattern);
  for (size_t at; (at = out.find("{}")) != out.npos;) out.replace(at, 2, word);
  return out;
}

bool has_letters_of_latin_words(std::string_view text, int words) {
  int run = 0;
  bool inside = false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter && !inside && ++run >= words) return true;
    if (!letter && c != ' ') run = 0;
    inside = letter;
  }
  return false;
}

TEST(Sentences, EachHasBothLanguages) {
  for (const Phrase& phrase : known_sentences()) {
    const std::string english = with_gaps(phrase.en, "12.8"), korean = with_gaps(phrase.ko, "12.8");
    EXPECT_EQ(in_language(english, Language::ko), korean) << english;
    EXPECT_EQ(in_language(english, Language::en), english);
    EXPECT_FALSE(has_letters_of_latin_words(korean, 4)) << korean;
  }
  EXPECT_EQ(in_language("unknown error", Language::ko), "unknown error") << "CUDA's own words";
  EXPECT_EQ(in_language("", Language::ko), "");
}

TEST(Sentences, ADoctorsReportLeavesNoEnglishSentence) {
  Doctor doctor;
  doctor.machine.name = "this machine";
  doctor.machine.no_gpu_reason = "there is no NVIDIA driver on this computer";
  doctor.machine.cpu.bandwidth = 30e9, doctor.machine.cpu.bandwidth_measured = true,
  doctor.machine.cpu.bandwidth_load = 4;
  doctor.system.built_for = "x86-64, gcc 12.2, CUDA code included";
  doctor.stacks.remarks = {"unsloth is an editable install", "triton_kernels comes with vllm (vllm/third_party)"};
  const std::string korean = to_text(doctor, Language::ko), english = to_text(doctor, Language::en);
  for (const char* sentence :
       {"this machine", "NVIDIA driver on", "code included", "editable install", "comes with", "measured"}) {
    EXPECT_EQ(korean.find(sentence), std::string::npos) << korean;
    EXPECT_NE(english.find(sentence), std::string::npos) << english;
  }
  EXPECT_NE(korean.find("30 GB/s (부하 4.0일 때 측정)"), std::string::npos) << korean;
  EXPECT_NE(english.find("30 GB/s (measured at load 4.0)"), std::string::npos) << english;
}

}  // namespace
}  // namespace mxpath::diagnose
