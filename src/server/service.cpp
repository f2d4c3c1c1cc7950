#include "server/service.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "app/dirs.h"
#include "base/hint.h"
#include "base/sha256.h"
#include "base/text.h"
#include "checkpoint/summary.h"
#include "engine/prefix_key.h"
#include "server/error_reply.h"
#include "server/openai/reply_parts.h"
#include "server/routes.h"
#include "server/service_state.h"

namespace mxpath::server {
namespace {

using openai::ApiError;

/// What a route is for, when the model is not there.
enum class Needs : uint8_t {
  nothing,  ///< always answered
  model,    ///< 503 while it is loaded or the server ends
  answers,  ///< and a place in the queue
};

struct Route {
  std::string_view method, path;  ///< a path that ends in "/*" takes one more part, and "/*/x" one in the middle
  RouteHandler handler;
  Needs needs = Needs::model;
};

constexpr std::array routes = std::to_array<Route>({
    {"POST", "/v1/chat/completions", chat_completions, Needs::answers},
    {"POST", "/v1/completions", completions, Needs::answers},
    {"POST", "/v1/responses", responses, Needs::answers},
    {"POST", "/v1/chat/completions/input_tokens", input_tokens},
    {"POST", "/v1/responses/input_tokens", input_tokens},
    {"GET", "/v1/responses/*", stored_response},
    {"DELETE", "/v1/responses/*", delete_response},
    {"GET", "/v1/responses/*/input_items", stored_input_items},
    {"POST", "/v1/responses/*/cancel", cancel_response},
    {"POST", "/v1/capacity", capacity},
    {"POST", "/apply-template", apply_template},
    {"POST", "/tokenize", tokenize},
    {"POST", "/detokenize", detokenize},
    {"GET", "/v1/models", models},
    {"GET", "/v1/models/*", one_model},
    {"GET", "/v1/plan", plan},
    {"GET", "/props", props},
    {"GET", "/slots", slots},
    {"GET", "/health", health, Needs::nothing},
    {"GET", "/v1/health", health, Needs::nothing},
    {"GET", "/livez", live, Needs::nothing},
    {"GET", "/readyz", ready, Needs::nothing},
    {"GET", "/metrics", metrics},
    {"GET", "/openapi.json", openapi, Needs::nothing},
    {"GET", "/api/tags", ollama_tags},
    {"GET", "/api/version", ollama_version, Needs::nothing},
    {"GET", "/", page, Needs::nothing},
});

/// Whether a path is the route's: "/v1/responses/*/cancel" takes "/v1/responses/resp_1/cancel".
bool matches(std::string_view pattern, std::string_view path) {
  const size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == path;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) return false;
  const std::string_view part = path.substr(before.size(), path.size() - before.size() - after.size());
  // The name of a model may hold a slash: openai/gpt-oss-20b.
  return part.find('/') == part.npos || pattern == "/v1/models/*";
}

bool same_method(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

/// Names that clients know a published model by.
std::vector<std::string> names_of(const ServiceOptions& options, const Runtime& runtime) {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    if (!name.empty() && std::ranges::count(names, name) == 0) names.push_back(std::move(name));
  };
  std::string_view folder = options.model;
  while (folder.ends_with('/')) folder.remove_suffix(1);
  // A hub name is a name; of a path its last part is.
  const bool path = options.model.starts_with('/') || options.model.starts_with('.') || options.model.starts_with('~');
  if (!path) add(options.model);
  add(std::string(folder.substr(folder.rfind('/') + 1)));
  const ModelConfig& config = runtime.loaded->model.config;
  for (const auto& [size, layers, experts] : {std::tuple("20b", 24, 32), std::tuple("120b", 36, 128)})
    if (config.layers == layers && config.experts == experts && config.hidden == 2880)
      for (const char* pattern : {"gpt-oss-{}", "openai/gpt-oss-{}", "gpt-oss:{}"})
        add(fmt::format(fmt::runtime(pattern), size));
  for (const std::string& alias : options.aliases) add(alias);
  return names;
}

/// Of the program, the weights and the paths: numbers cannot change without it.
std::string fingerprint_of(const Runtime& runtime) {
  const PrefixFileKey key = prefix_key(*runtime.loaded, version());
  std::string text = fmt::format("{} {} {}", version(), key.model, key.paths);
  for (const SitePlan& site : runtime.plan().sites)
    for (const Decision& decision : site.decisions) text += fmt::format(" {}", decision.chosen->name);
  return "mxp_" + sha256({reinterpret_cast<const uint8_t*>(text.data()), text.size()}).substr(0, 12);
}

/// Seconds until a place should be free for one more.
int retry_seconds(const ServiceState& state) {
  return std::clamp(static_cast<int>(std::ceil(waiting_seconds(state.occupancy()))), 1, 120);
}

}  // namespace

ServiceState::ServiceState(ServiceOptions options_, std::function<void(std::function<void()>)> post_)
    : options(std::move(options_)),
      post(std::move(post_)),
      metrics(std::make_unique<Metrics>(options.model)),
      outbox([this] {
        post([this] {
          std::set<std::shared_ptr<Turn>> heard;
          for (const TurnEvent& event : outbox.take()) {
            event.turn->hear_safely(event);
            heard.insert(event.turn);
          }
          for (const auto& turn : heard) turn->flush();
        });
      }),
      reasoning({}, seconds_now),
      responses({}, seconds_now) {}

Occupancy ServiceState::occupancy() const {
  const ModelExecutor& executor = model->executor();
  const SchedulerCounts counts = model->scheduler->counts();
  Occupancy now;
  now.context = executor.context();
  now.pages_free = pages_free;
  now.pages = executor.pages();
  now.running = counts.steps.running;
  now.queued = counts.queued_requests;
  now.most_queued = options.most_queued;
  now.most_sequences = executor.most_sequences();
  now.chunk = executor.most_tokens();
  now.step_seconds = [&executor](int decoding, int reading) { return executor.predicted_seconds(decoding, reading); };
  return now;
}

void ServiceState::send(const ExchangePtr& exchange, const Caller& caller, http::Reply reply) {
  reply.headers.insert(reply.headers.end(), caller.headers.begin(), caller.headers.end());
  log(exchange->request(), reply.status, caller.arrived);
  exchange->reply(std::move(reply));
}

void ServiceState::send(const ExchangePtr& exchange, const Caller& caller, const Json& body, int status) {
  send(exchange, caller, http::Reply{.status = status, .body = openai::one_line(body)});
}

void ServiceState::refuse(const ExchangePtr& exchange, const Caller& caller, const ApiError& error) {
  metrics->rejected(error.status);
  send(exchange, caller, error_reply(error));
}

void ServiceState::log(const http::Request& request, int status, double arrived, std::string_view more) {
  if (!options.log) return;
  options.log(fmt::format("{} {} {} {} {:.3f}s id={}{}{}", request.peer.empty() ? "-" : request.peer,
                          printable(request.method), printable(request.path), status, seconds_now() - arrived,
                          request.id, more.empty() ? "" : " ", more));
}

void ServiceState::watch_steps(double now) {
  const SchedulerCounts counts = model->scheduler->counts();
  if (counts.live_requests == 0) step_seen_at = 0;
  else if (step_seen_at == 0 || counts.steps.steps != steps_seen) step_seen_at = now;
  steps_seen = counts.steps.steps;
}

std::string ServiceState::why_unwell() const {
  if (!model) return "Loading model";
  if (const auto ended = model->scheduler->ended()) return in_words(ended->message, options.wording);
  if (step_seen_at > 0 && seconds_now() - step_seen_at > options.stuck_seconds)
    return fmt::format("work waits and no step has ended for {:.0f} seconds", seconds_now() - step_seen_at);
  return "";
}

Service::Service(ServiceOptions options, std::function<void(std::function<void()>)> post)
    : state_(std::make_unique<ServiceState>(std::move(options), std::move(post))) {}

Service::~Service() {
  state_->workers.stop();
  if (state_->model) state_->model->scheduler->stop();
  state_->turns.clear();
}

Status Service::start() { return state_->workers.start(2); }

Status Service::serve_model(std::unique_ptr<Runtime> runtime, const Policy& policy) {
  ServiceState& state = *state_;
  auto model = std::make_unique<ServedModel>();
  model->policy = policy;
  MXPATH_CHECK(check_vocabulary(runtime->files, false));
  MXPATH_TRY(model->grammars, grammar::Grammars::create(runtime->files.tokenizer, runtime->loaded->model.config.vocab));
  model->names = names_of(state.options, *runtime);
  model->fingerprint = fingerprint_of(*runtime);
  model->created = seconds_since_1970();
  model->parameters = summarise(runtime->files.manifest).parameters;
  model->runtime = std::move(runtime);
  SchedulerOptions how;
  // The scheduler counts those too that have a place from the next step on.
  how.most_queued = state.options.most_queued + model->executor().most_sequences();
  how.steps.step_target = state.options.step_target;
  how.steps.on_step = [&state, executor = &model->executor()](int decoding, int reading, double seconds) {
    state.pages_free = executor->pages_free();
    state.post([&state, decoding, reading, seconds] {
      state.last_step = {decoding, reading, seconds};
      state.metrics->step(decoding, reading, seconds);
    });
  };
  state.pages_free = model->executor().pages();
  model->scheduler = std::make_unique<Scheduler>(model->executor(), std::move(how));
  MXPATH_CHECK(model->scheduler->start());
  state.metrics = std::make_unique<Metrics>(model->names.front());
  state.model = std::move(model);
  return {};
}

namespace {

/// Bytes of bodies that workers have or wait for.
constexpr int64_t most_busy_bytes = 512 << 20;

/// Those that cannot have a place yet: what came since the last step has had no chance of one.
int waiting_requests(const ServiceState& state) {
  const SchedulerCounts counts = state.model->scheduler->counts();
  return std::max(0, counts.live_requests + state.busy.answers - state.model->executor().most_sequences());
}

/// 503 or 429 where the request must come again; none: it may go on.
std::optional<ApiError> not_now(const ServiceState& state, Needs needs) {
  if (needs == Needs::nothing) return {};
  if (!state.model) return unavailable("Loading model", "loading", 5);
  if (state.busy.bytes > most_busy_bytes)
    return unavailable("too many bodies are being read; try again soon", "busy", 1);
  if (needs != Needs::answers) return {};
  if (state.draining) return server_ends();
  if (std::string why = state.why_unwell(); !why.empty()) return unavailable(std::move(why), "engine_unwell", 30);
  const int waiting = waiting_requests(state);
  if (waiting < state.options.most_queued) return {};
  return queue_full(fmt::format("{} already, which is the most; try again later",
                                waiting == 1 ? "1 request waits" : fmt::format("{} requests wait", waiting)),
                    retry_seconds(state));
}

ApiError no_route(const http::Request& request, std::string& allowed) {
  const bool named = std::ranges::count(routes, request.path, &Route::path) > 0;  // not taken for an id of a pattern
  for (const Route& route : routes)
    if ((named ? route.path == request.path : matches(route.path, request.path)) &&
        allowed.find(route.method) == allowed.npos)
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
  if (allowed.empty())
    return {
        .status = 404,
        .message = fmt::format("there is nothing at {}; /openapi.json lists what there is", printable(request.path)),
        .code = "not_found"};
  return {.status = 405,
          .message = fmt::format("{} does not take {}; it takes {}", printable(request.path), printable(request.method),
                                 allowed),
          .code = "method_not_allowed"};
}

}  // namespace

void Service::handle(std::shared_ptr<http::Exchange> exchange) {
  ServiceState& state = *state_;
  const http::Request& request = exchange->request();
  http::Access access = http::check_access(request, state.options.access);
  const Caller caller{std::move(access.key), std::move(access.headers), seconds_now()};
  if (access.preflight) return state.send(exchange, caller, std::move(*access.preflight));
  if (access.refusal)
    return state.refuse(exchange, caller,
                        {.status = access.refusal->status,
                         .message = access.refusal->sentence,
                         .code = access.refusal->code,
                         .type = access.refusal->status == 401 ? "authentication_error" : "invalid_request_error"});
  const auto route = std::ranges::find_if(
      routes, [&](const Route& r) { return same_method(r, request.method) && matches(r.path, request.path); });
  if (route == routes.end()) {
    std::string allowed;
    const ApiError error = no_route(request, allowed);
    Caller with_allow = caller;
    if (!allowed.empty()) with_allow.headers.emplace_back("Allow", allowed);
    return state.refuse(exchange, with_allow, error);
  }
  if (const auto error = not_now(state, route->needs)) return state.refuse(exchange, caller, *error);
  route->handler(state, exchange, caller);
}

void Service::tick() {
  ServiceState& state = *state_;
  if (!state.model) return;
  const double now = seconds_now();
  for (const auto& turn : std::set(state.turns)) {
    turn->look_at_clock(now, state.options.max_wait);
    turn->flush();
  }
  state.watch_steps(now);
}

void Service::drain() { state_->draining = true; }
bool Service::idle() const { return state_->turns.empty() && state_->busy.requests == 0; }

void Service::cut() {
  for (const auto& turn : std::set(state_->turns)) turn->cut(server_ends());
}

bool Service::comes_to_rest(double seconds) const {
  return !state_->model || server::comes_to_rest(*state_->model->scheduler, seconds);
}

std::optional<Error> Service::lost() const { return state_->model ? state_->model->scheduler->ended() : std::nullopt; }

bool comes_to_rest(const Scheduler& scheduler, double seconds) {
  for (const double end = seconds_now() + seconds; scheduler.counts().live_requests > 0;) {
    if (seconds_now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool Service::is_well() const { return !state_->model || state_->why_unwell().empty(); }

void Service::set_counts(std::function<http::Counts()> counts) { state_->http_counts = std::move(counts); }

http::Reply Service::refusal(int status, std::string_view sentence) {
  ApiError error{.status = status, .message = std::string(sentence)};
  if (status >= 500) error.type = "server_error";
  return error_reply(error);
}

}  // namespace mxpath::server
