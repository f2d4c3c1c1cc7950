#include "diagnose/sentences.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace mxpath::diagnose {
namespace {

constexpr std::string_view gap = "{}";

constexpr Phrase all[] = {
    {"this machine", "이 컴퓨터"},
    {"there is no NVIDIA driver on this computer", "이 컴퓨터에 NVIDIA 드라이버가 없습니다"},
    {"there is no NVIDIA GPU on this computer, or CUDA_VISIBLE_DEVICES hides it",
     "이 컴퓨터에 NVIDIA GPU가 없거나 CUDA_VISIBLE_DEVICES가 가리고 있습니다"},
    {"the NVIDIA driver is for CUDA {} and this program was built with CUDA {}; update the driver, or build with an "
     "older toolkit",
     "NVIDIA 드라이버는 CUDA {}용인데 이 프로그램은 CUDA {}(으)로 빌드되었습니다. 드라이버를 올리거나 더 오래된 "
     "toolkit으로 빌드하십시오"},
    {"the NVIDIA driver does not answer: {}", "NVIDIA 드라이버가 응답하지 않습니다: {}"},
    {"this build has no CUDA support", "이 빌드는 CUDA를 지원하지 않습니다"},
    {"the machine file lists no GPU", "컴퓨터 파일에 GPU가 없습니다"},
    {"no NVIDIA GPU in this machine", "이 컴퓨터에는 NVIDIA GPU가 없습니다"},
    {"{}, CUDA code included", "{}, CUDA 코드 포함"},
    {"{}, no CUDA code", "{}, CUDA 코드 없음"},
    {"{}: no readable name and version, skipped", "{}: 이름과 버전을 읽을 수 없어 건너뜀"},
    {"{} is an editable install of the old kind; its version is not known",
     "{}은(는) 옛 방식의 editable 설치라서 버전을 알 수 없습니다"},
    {"{} is an editable install", "{}은(는) editable 설치입니다"},
    {"triton_kernels comes with vllm (vllm/third_party)", "triton_kernels가 vllm에 들어 있습니다(vllm/third_party)"},
    {"triton_kernels is there without metadata: its version is not known",
     "triton_kernels가 메타데이터 없이 있어 버전을 알 수 없습니다"},
};

/// What stands in the gaps of the pattern; nothing where the text is not of that form.
std::optional<std::vector<std::string_view>> gaps_in(std::string_view pattern, std::string_view text) {
  std::vector<std::string_view> found;
  for (bool first = true;; first = false) {
    const size_t at = pattern.find(gap);
    const std::string_view piece = pattern.substr(0, at);
    const bool last = at == pattern.npos;
    const size_t begin = first ? 0 : last ? text.size() - std::min(text.size(), piece.size()) : text.find(piece);
    if (begin == text.npos || text.substr(begin, piece.size()) != piece) return std::nullopt;
    if (!first) found.push_back(text.substr(0, begin));
    text.remove_prefix(begin + piece.size());
    if (last) return text.empty() ? std::optional(found) : std::nullopt;
    pattern.remove_prefix(at + gap.size());
  }
}

std::string filled(std::string_view pattern, const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    const size_t at = pattern.find(gap);
    out += pattern.substr(0, at);
    out += word;
    pattern.remove_prefix(at + gap.size());
  }
  return out += pattern;
}

}  // namespace

std::string in_language(std::string_view sentence, Language language) {
  if (language == Language::en) return std::string(sentence);
  for (const Phrase& phrase : all)
    if (const auto words = gaps_in(phrase.en, sentence)) return filled(phrase.text(language), *words);
  return std::string(sentence);
}

std::span<const Phrase> known_sentences() { return all; }

}  // namespace mxpath::diagnose
