#include "server/openai/api_error.h"

#include "base/text.h"

namespace mxpath::openai {

Json error_json(const ApiError& error) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  Json out = {{"message", error.message},
              {"type", error.type},
              {"param", text_or_null(error.param)},
              {"code", text_or_null(error.code)}};
  for (const auto& [name, value] : error.more.items()) out[name] = value;
  return {{"error", std::move(out)}};
}

ApiError own_fault(std::string_view what) {
  const bool memory = what.find("bad_alloc") != what.npos;
  return {.status = memory ? 503 : 500,
          .message = memory ? "no memory is left for this request; try again later, or ask for less"
                            : fmt::format("the server could not work on this request: {}", printable(what)),
          .code = memory ? "out_of_memory" : "internal_error",
          .type = "server_error",
          .retry_after = memory ? 5 : 0};
}

}  // namespace mxpath::openai
