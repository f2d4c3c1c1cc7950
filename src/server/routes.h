// Handlers of the routes. Each answers the exchange, now or later; on the thread of the loop.
#pragma once
#include "server/service_state.h"

namespace mxpath::server {

using RouteHandler = void (*)(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);

// Answers of the model (answer_routes.cpp).
void chat_completions(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void completions(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void responses(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);

// What would be asked, without asking (prompt_routes.cpp).
void capacity(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void input_tokens(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void apply_template(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void tokenize(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void detokenize(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);

// Responses that were stored (stored_routes.cpp).
void stored_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void stored_input_items(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void delete_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void cancel_response(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);

// The server and its model (info_routes.cpp).
void health(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void live(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void ready(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void metrics(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void models(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void one_model(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void plan(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void props(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void slots(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void openapi(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void page(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void ollama_tags(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);
void ollama_version(ServiceState& state, const ExchangePtr& exchange, const Caller& caller);

}  // namespace mxpath::server
