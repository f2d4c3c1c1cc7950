// What a request is told when it cannot be answered, in the form of the OpenAI API.
#pragma once
#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/json.h"
#include "base/result.h"

namespace mxpath::openai {

struct ApiError {
  int status = 400;
  std::string message = {};
  std::string param = {};                      ///< path of the field: "messages[2].content[0].type"; "": null
  std::string code = {};                       ///< "context_length_exceeded"; "": null
  std::string type = "invalid_request_error";  ///< the class of error of OpenAI's clients
  Json more = Json::object();                  ///< further fields of the error object: n_prompt_tokens, n_ctx
  int retry_after = 0;                         ///< seconds; 0: no such header
};

template <class T>
using Asked = Result<T, ApiError>;

/// {"error": {"message", "type", "param", "code", …}}
Json error_json(const ApiError& error);

/// 500 for a request that the server could not work on, or 503 where it has no memory. what: of the exception.
ApiError own_fault(std::string_view what);

/// 400 for one field.
template <class... Args>
ApiError bad_field(std::string param, fmt::format_string<Args...> sentence, Args&&... args) {
  return {.message = fmt::format(sentence, std::forward<Args>(args)...), .param = std::move(param)};
}

}  // namespace mxpath::openai
