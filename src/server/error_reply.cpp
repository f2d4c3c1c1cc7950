#include "server/error_reply.h"

#include <utility>

#include "server/openai/reply_parts.h"

namespace mxpath::server {

http::Reply error_reply(const openai::ApiError& error) {
  http::Reply reply{.status = error.status, .body = openai::one_line(openai::error_json(error))};
  if (error.retry_after > 0) reply.headers.emplace_back("Retry-After", fmt::format("{}", error.retry_after));
  else if (error.status >= 500 || error.status == 409) reply.headers.emplace_back("x-should-retry", "false");
  return reply;
}

openai::ApiError queue_full(std::string sentence, int retry_after) {
  return {.status = 429,
          .message = std::move(sentence),
          .code = "queue_full",
          .type = "rate_limit_error",
          .retry_after = retry_after};
}

openai::ApiError unavailable(std::string sentence, std::string code, int retry_after) {
  return {.status = 503,
          .message = std::move(sentence),
          .code = std::move(code),
          .type = "server_error",
          .retry_after = retry_after};
}

openai::ApiError server_ends() { return unavailable("the server is ending; ask again soon", "draining", 5); }

}  // namespace mxpath::server
