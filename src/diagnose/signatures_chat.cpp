// Servers that say: the text that the model wrote is not what our parser takes.
#include "diagnose/signature.h"

namespace mxpath::diagnose {
namespace {

using C = FailureClass;
using X = Context;

constexpr Phrase summary = {"The server's parser did not take what the model wrote; the kernels are innocent.",
                            "모델이 쓴 글을 서버의 파서가 받아들이지 못했습니다. 커널 탓이 아닙니다."};
constexpr Phrase why = {
    "gpt-oss sometimes misspells a channel, writes commentary without a recipient, another role or text without markup, and a strict "
    "parser "
    "gives the request up.",
    "gpt-oss는 때때로 채널 이름을 잘못 쓰거나, 수신자 없는 commentary, 다른 역할, 마크업 없는 글을 씁니다. 엄격한 파서는 이때 요청을 "
    "포기합니다."};

constexpr Signature table[] = {
    {.id = "chat_parser",
     .cls = C::harmony_vocab_or_template,
     .phrases =
         "match the expected || Unexpected content at end of input || unparsed peg || Unexpected empty grammar stack || Failed to parse "
         "input at pos || Invalid diff: || common_chat",
     .pattern =
         "(?:output|response|text|message)\\w* (?:that )?(?:does|did|do) not match the expected .{0,60}?(?:format|grammar|schema|syntax)|"
         "Unexpected content at end of input|unparsed peg.{0,30}output|Unexpected empty grammar stack|Failed to parse input at "
         "pos|Invalid diff:|(?:error|fail\\w*|exception|unable|could not).{0,80}common_chat\\w*pars\\w*|common_chat\\w*pars\\w*.{0,120}(?:"
         "error|fail|exception|unexpected|invalid)",
     .priority = 100,
     .any_level = true,
     .summary = summary,
     .why = why,
     .link = "https://github.com/ggml-org/llama.cpp/pull/21213"},
    {.id = "harmony_header",
     .cls = C::harmony_vocab_or_template,
     .phrases =
         "Unknown recipient || Unknown channel || Unknown role || message header || expecting start token || channel marker present but "
         "|| Unexpected EOS || Expected 2 output messages || output messages (reasoning",
     .pattern =
         "Unknown (?:recipient|channel|role)\\b|tokens remaining in message header|expecting (?:a )?start token|waiting for message "
         "header|channel marker present but|Unexpected EOS|(?:no|missing|invalid|malformed|unexpected|incomplete|parse|parsing) .{0,30}"
         "message header|message header.{0,40}(?:did not|missing|invalid|malformed|incomplete|unexpected)|Expected \\d+ output messages",
     .priority = 98,
     .summary = summary,
     .why = why,
     .link = "https://github.com/vllm-project/vllm/pull/29972"},
    {.id = "chat_parser_words",
     .cls = C::harmony_vocab_or_template,
     .phrases = "parse || parsing || parser || extract || Failed to generate a tool call || no reverse mapping || tool call || harmony",
     .pattern =
         "(?:failed|unable|could not|cannot|can.?t|couldn.?t) (?:to )?(?:parse|generate|extract|decode|convert)\\w* (?:and \\w+ )?(?:a |an "
         "|the |"
         "any )?(?:gpt.?oss )?(?:tool.?calls?|function.?calls?|harmony|reasoning|assistant.?s? (?:message|response|output)|model.?s? "
         "(?:output|response|answer)|generated (?:text|output|message))|(?:error|exception)s? (?:in |while |when |during )?(?:parsing|"
         "extracting|decoding|converting|processing) (?:of )?(?:an? |the )?(?:gpt.?oss "
         ")?(?:tool.?calls?|function.?calls?|harmony|model.?s? "
         "(?:output|response)|reasoning)|harmony.{0,40}(?:parser|adapter|parsing|detector).{0,80}(?:error|fail\\w*|exception|unexpected|"
         "unknown|invalid|malformed)|(?"
         ":error|"
         "fail\\w*|exception).{0,40}(?:harmony|gpt.?oss).{0,20}(?:parser|adapter|detector)|no reverse mapping found for "
         "function|(?:invalid|"
         "malformed|unparse?able) (?:tool.?call|harmony)",
     .priority = 135,
     .confidence = Confidence::medium,
     .summary = summary,
     .why = why},
    {.id = "tool_call_parser",
     .cls = C::harmony_vocab_or_template,
     .phrases = "JSONDecodeError || json.exception.parse_error",
     .pattern = "(?:tool_?call|tool_?parser|harmony|function_?call|parse_output|chat_pars)\\w*.{0,1200}(?:JSONDecodeError|exception\\."
                "parse_error)",
     .priority = likely,
     .confidence = Confidence::medium,
     .summary = {"The arguments of a tool call are not valid JSON, and the server gave the request up.",
                 "도구 호출의 인수가 올바른 JSON이 아니어서 서버가 요청을 포기했습니다."},
     .why = why},
};

}  // namespace

std::span<const Signature> chat_signatures() { return table; }

}  // namespace mxpath::diagnose
