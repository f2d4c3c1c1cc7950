// Any bytes as requests, whole and in pieces: the same requests and the same refusals, and nothing that breaks out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/access.h"
#include "server/http/header_text.h"
#include "server/http/request_reader.h"

namespace {

using namespace mxpath::http;

void check(bool condition) {
  if (!condition) std::abort();
}

struct Heard {
  std::vector<ReadRequest> requests;
  int refused_with = 0;
};

Limits small_limits() {
  Limits limits;
  limits.body_bytes = 200;
  limits.header_bytes = 300;
  limits.target_bytes = 60;
  limits.headers = 8;
  return limits;
}

Heard hear(std::string_view bytes, size_t piece) {
  static const Limits limits = small_limits();
  RequestReader reader(limits);
  Heard out;
  std::string left;
  for (size_t at = 0; at < bytes.size() && !reader.bad(); at += piece) {
    left += bytes.substr(at, piece);
    while (!left.empty()) {
      const size_t used = reader.feed(left);
      check(used <= left.size());
      left.erase(0, used);
      auto request = reader.take();
      if (!request) break;
      out.requests.push_back(std::move(*request));
    }
    check(reader.bad() || left.size() <= limits.header_bytes + limits.target_bytes + 100);
  }
  if (reader.bad()) out.refused_with = reader.bad()->status;
  return out;
}

void check_request(const Request& request) {
  check(is_token(request.method) && request.target.size() <= 60 && request.body.size() <= 200);
  check(request.path == "*" || request.path.starts_with('/'));
  check(request.id.empty() || is_fit_id(request.id));
  for (const auto& [name, value] : request.headers) {
    check(is_token(name) && name == lower_case(name));
    check(std::none_of(value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }));
  }
  (void)request.parameter("a");
}

void check_access_of(const Request& request) {
  AccessRules rules;
  rules.keys = {"key"};
  rules.origins = {"http://other"};
  const Access access = check_access(request, rules);
  check(access.refusal || access.preflight || access.key == "key");
  const Reply reply = access.preflight.value_or(Reply{200, "{}", "application/json", access.headers});
  const std::string answer = whole_answer(reply, AnswerFrame{request.id, false, false, false});
  const std::string_view head = std::string_view(answer).substr(0, answer.find("\r\n\r\n"));
  check(std::count(head.begin(), head.end(), '\r') == std::count(head.begin(), head.end(), '\n'));
  check(static_cast<size_t>(std::count(head.begin(), head.end(), '\n')) <= 4 + reply.headers.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Heard whole = hear(bytes, std::max<size_t>(size, 1));
  for (const size_t piece : {1, 3}) {
    const Heard pieces = hear(bytes, piece);
    check(pieces.refused_with == whole.refused_with && pieces.requests.size() == whole.requests.size());
    for (size_t i = 0; i < pieces.requests.size(); ++i) {
      const Request& request = pieces.requests[i].request;
      check(request.headers == whole.requests[i].request.headers && request.body == whole.requests[i].request.body);
    }
  }
  for (const ReadRequest& read : whole.requests) {
    check_request(read.request);
    check_access_of(read.request);
  }
  return 0;
}
