// Errors of the API as replies, and those that a server has for every request.
#pragma once
#include <string>

#include "server/http/http.h"
#include "server/openai/api_error.h"

namespace mxpath::server {

/// Status and body, and when to come again: Retry-After, or x-should-retry where a repeat is hopeless.
http::Reply error_reply(const openai::ApiError& error);

/// 429: more wait than may.
openai::ApiError queue_full(std::string sentence, int retry_after);
/// 503.
openai::ApiError unavailable(std::string sentence, std::string code, int retry_after);
/// 503: the server is told to end.
openai::ApiError server_ends();

}  // namespace mxpath::server
