// Responses that were stored: read, listed, deleted.
#include "base/text.h"
#include "server/routes.h"

namespace mxpath::server {
namespace {

using openai::ApiError;

std::string_view id_of(const http::Request& request) {
  constexpr std::string_view before = "/v1/responses/";
  const std::string_view rest = std::string_view(request.path).substr(before.size());
  return rest.substr(0, rest.find('/'));
}

ApiError unknown(std::string_view id) {
  return {.status = 404,
          .message =
              fmt::format("there is no response \"{}\" here; responses are kept in memory for an hour", printable(id)),
          .param = "response_id",
          .code = "not_found"};
}

/// Finds the response of a caller and sends what is made of it.
void with_stored(ServiceState& state, const ExchangePtr& exchange, const Caller& caller,
                 const std::function<openai::Asked<Json>(const openai::StoredResponse& stored)>& make) {
  const std::string id(id_of(exchange->request()));
  openai::Asked<Json> made = unknown(id);
  {
    const std::lock_guard lock(state.responses_mutex);
    if (const auto* found = state.responses.find(id, caller.key)) made = make(*found);
  }
  if (!made.ok()) return state.refuse(exchange, caller, made.error());
  state.send(exchange, caller, *made);
}

}  // namespace

void stored_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  with_stored(state, exchange, caller, [](const openai::StoredResponse& stored) { return stored.response; });
}

void stored_input_items(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const http::Request& request = exchange->request();
  const openai::ItemPage page{request.parameter("limit"), request.parameter("order"), request.parameter("after")};
  with_stored(state, exchange, caller,
              [&page](const openai::StoredResponse& stored) { return openai::input_item_page(stored, page); });
}

void delete_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const std::string id(id_of(exchange->request()));
  bool erased = false;
  {
    const std::lock_guard lock(state.responses_mutex);
    erased = state.responses.erase(id, caller.key);
  }
  if (!erased) return state.refuse(exchange, caller, unknown(id));
  state.send(exchange, caller, Json{{"id", id}, {"object", "response"}, {"deleted", true}});
}

/// Only what runs in the background can be cancelled, and nothing does here: closing the connection stops an answer.
void cancel_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const std::string id(id_of(exchange->request()));
  bool known = false;
  {
    const std::lock_guard lock(state.responses_mutex);
    known = state.responses.find(id, caller.key) != nullptr;
  }
  if (!known) return state.refuse(exchange, caller, unknown(id));
  state.refuse(exchange, caller,
               {.message = "this response has ended; only responses that run in the background can be cancelled, and "
                           "this server runs none: close the connection to stop one",
                .param = "response_id",
                .code = "not_cancellable"});
}

}  // namespace mxpath::server
