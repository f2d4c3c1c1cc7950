// The server and its model: health, figures, plans, names.
#include <utility>

#include "app/dirs.h"
#include "app/planner.h"
#include "base/hint.h"
#include "base/text.h"
#include "machine/known_machines.h"
#include "plan/explain.h"
#include "server/asked.h"
#include "server/embedded.h"
#include "server/openai/reply_parts.h"
#include "server/report.h"
#include "server/routes.h"

namespace mxpath::server {
namespace {

using openai::ApiError;

Json model_json(const ServedModel& model, std::string_view name) {
  const ModelConfig& c = model.runtime->loaded->model.config;
  const Plan& plan = model.runtime->plan();
  const uint64_t bytes = plan.memory().weights + plan.gpu_memory().weights;
  return {{"id", name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "mxpath"},
          {"max_model_len", plan.context},
          {"meta",
           {{"n_ctx", plan.context},
            {"n_ctx_train", c.max_positions},
            {"n_vocab", c.vocab},
            {"n_params", model.parameters},
            {"size", bytes}}}};
}

Gauges gauges_of(const ServiceState& state) {
  const ServedModel& model = *state.model;
  const SchedulerCounts counts = model.scheduler->counts();
  Gauges now;
  now.running = counts.steps.running;
  now.waiting = counts.queued_requests + state.busy.answers;
  now.steps = counts.steps.steps;
  now.preemptions = counts.steps.preemptions;
  now.pages = model.executor().pages();
  now.pages_free = state.pages_free;
  now.kv_usage = now.pages > 0 ? 1 - static_cast<double>(now.pages_free) / static_cast<double>(now.pages) : 0;
  now.paths = paths_of(model.runtime->plan());
  if (state.http_counts) {
    const http::Counts http = state.http_counts();
    now.streams = http.streams;
    now.connections = http.connections;
  }
  if (state.last_step.decoding > 0 && state.last_step.reading == 0 && state.last_step.seconds > 0)
    now.roof_ratio = expect_step(model.runtime->plan(), model.runtime->machine, 1024, state.last_step.decoding).roof /
                     state.last_step.seconds;
  return now;
}

Json unwell_json(std::string_view why) {
  return {{"error", {{"code", 503}, {"message", why}, {"type", "unavailable_error"}}}};
}

/// machine: the name of one that is built in, never a file of this computer; "": the plan that was loaded.
openai::Asked<Json> plan_json(const ServiceState& state, const std::string& machine) {
  const auto worded = [&state](const Plan& plan) { return report_in_words(plan_to_json(plan), state.options.wording); };
  if (machine.empty()) return worded(state.model->runtime->plan());
  const auto where = known_machine(machine);
  if (!where.ok())
    return ApiError{.message = in_words(where.error().message, state.options.wording), .param = "machine"};
  const auto plan = plan_elsewhere(state.model->runtime->files.manifest, *where, state.model->policy);
  if (!plan.ok()) return ApiError{.message = in_words(plan.error().message, state.options.wording), .param = "machine"};
  return worded(*plan);
}

}  // namespace

void health(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  std::string why = state.why_unwell();
  if (why.empty() && state.draining) why = "the server is ending";
  if (why.empty()) return state.send(exchange, caller, Json{{"status", "ok"}});
  http::Reply reply{.status = 503, .body = openai::one_line(unwell_json(why))};
  reply.headers.emplace_back("Retry-After", "5");
  state.send(exchange, caller, std::move(reply));
}

void live(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  state.send(exchange, caller, Json{{"status", "ok"}});
}

void ready(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) { health(state, exchange, caller); }

void metrics(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  state.send(exchange, caller,
             http::Reply{.body = state.metrics->text(gauges_of(state)),
                         .content_type = "text/plain; version=0.0.4; charset=utf-8"});
}

void models(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  Json list = Json::array();
  for (const std::string& name : state.model->names) list.push_back(model_json(*state.model, name));
  // Codex wants the second list.
  state.send(exchange, caller, Json{{"object", "list"}, {"data", list}, {"models", list}});
}

void one_model(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const std::string name = exchange->request().path.substr(std::string_view("/v1/models/").size());
  if (const auto known = check_model(state, name); !known.ok()) return state.refuse(exchange, caller, known.error());
  state.send(exchange, caller, model_json(*state.model, name));
}

void plan(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const std::string machine = exchange->request().parameter("machine"), name = exchange->request().parameter("model");
  if (const auto known = check_model(state, name); !known.ok()) return state.refuse(exchange, caller, known.error());
  state.on_worker<Json>(
      exchange, caller, false, [&state, machine](BusyWith&) { return plan_json(state, machine); },
      [&state, exchange, caller](const Json& made) { state.send(exchange, caller, made); });
}

void props(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const ServedModel& model = *state.model;
  const SamplingOptions& s = model.runtime->files.sampling;
  state.send(exchange, caller,
             Json{{"default_generation_settings",
                   {{"n_ctx", model.runtime->plan().context},
                    {"temperature", s.temperature},
                    {"top_p", s.top_p},
                    {"top_k", s.top_k},
                    {"min_p", s.min_p}}},
                  {"total_slots", model.executor().most_sequences()},
                  {"model_path", state.options.model},
                  {"model_alias", model.names.front()},
                  {"chat_format", "harmony"},
                  {"reasoning_effort", harmony::name_of(state.options.conversation.effort)},
                  {"build_info", fmt::format("mxpath {}", version())},
                  {"system_fingerprint", model.fingerprint}});
}

void slots(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  Json list = Json::array();
  for (const auto& turn : state.turns)
    list.push_back({{"id", list.size()},
                    {"id_request", turn->parts().exchange->request().id},
                    {"is_processing", true},
                    {"n_ctx", state.model->runtime->plan().context},
                    {"seconds", seconds_now() - turn->parts().arrived},
                    {"prompt_tokens", turn->parts().prompts.front().size()},
                    {"stream", turn->parts().question->stream}});
  state.send(exchange, caller, list);
}

void openapi(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  state.send(exchange, caller, http::Reply{.body = std::string(embedded_openapi())});
}

void page(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  const EmbeddedPage& page = embedded_page();
  http::Reply reply{.body = page.html, .content_type = "text/html; charset=utf-8"};
  reply.headers = {{"Content-Security-Policy", page.policy},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cache-Control", "no-cache"}};
  state.send(exchange, caller, std::move(reply));
}

void ollama_tags(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  Json list = Json::array();
  for (const std::string& name : state.model->names)
    list.push_back({{"name", name}, {"model", name}, {"details", {{"family", "gptoss"}, {"format", "mxpath"}}}});
  state.send(exchange, caller, Json{{"models", list}});
}

void ollama_version(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  state.send(exchange, caller, Json{{"version", version()}});
}

}  // namespace mxpath::server
