// Chat Completions, Completions and Responses: a worker reads the body, the model answers, a turn tells the client.
#include <random>
#include <utility>

#include "server/asked.h"
#include "server/report.h"
#include "server/routes.h"

namespace mxpath::server {
namespace {

/// 24 letters and digits that nobody can guess.
std::string new_id() {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  thread_local std::random_device device;
  std::string id;
  for (int i = 0; i < 24; ++i) id += letters[std::uniform_int_distribution<size_t>(0, letters.size() - 1)(device)];
  return id;
}

std::unique_ptr<openai::ReplyWriter> writer_for(const AskedOf& asked, const ServedModel& model,
                                                openai::ReasoningField field) {
  openai::ReplyFacts facts{.id_suffix = new_id(),
                           .model = asked.question->model.empty() ? model.names.front() : asked.question->model,
                           .created = seconds_since_1970(),
                           .fingerprint = model.fingerprint,
                           .reasoning_field = field,
                           .new_id = new_id};
  switch (asked.endpoint) {
    case Endpoint::chat: return openai::chat_writer(*asked.question, std::move(facts));
    case Endpoint::completions: return openai::completions_writer(*asked.question, std::move(facts));
    case Endpoint::responses: break;
  }
  return openai::responses_writer(*asked.responses, std::move(facts));
}

/// Ids of the calls of a reply, by answer.
std::vector<std::pair<size_t, std::string>> calls_of(const Json& whole) {
  std::vector<std::pair<size_t, std::string>> out;
  const auto add = [&out](size_t answer, const Json& call, const char* field) {
    if (const auto id = call.find(field); id != call.end() && id->is_string()) out.emplace_back(answer, *id);
  };
  if (const auto choices = whole.find("choices"); choices != whole.end())
    for (size_t i = 0; i < choices->size(); ++i) {
      const Json message = (*choices)[i].value("message", Json::object());
      const Json calls = message.value("tool_calls", Json::array());
      for (const Json& call : calls) add(i, call, "id");
    }
  if (const auto output = whole.find("output"); output != whole.end())
    for (const Json& item : *output) add(0, item, "call_id");
  return out;
}

/// What requests after this one may come back to.
void remember(ServiceState& state, const AskedOf& asked, const std::string& key, const Turn& turn) {
  if (!turn.went_well()) return;
  const Json whole = turn.parts().writer->whole();
  if (state.options.restore_reasoning)
    for (const auto& [answer, id] : calls_of(whole))
      if (!turn.reasoning_of(answer).empty()) state.reasoning.put(key, id, turn.reasoning_of(answer));
  if (!asked.responses || !asked.responses->store) return;
  const std::lock_guard lock(state.responses_mutex);
  openai::StoredResponse stored{.response = whole, .key = key};
  stored.input = openai::stored_input(*asked.responses, state.responses.find(asked.responses->previous, key));
  state.responses.put(whole.value("id", ""), std::move(stored));
}

std::string figures_of(const Turn& turn) {
  const openai::ReplyEnd& end = turn.figures();
  return fmt::format("prompt={} cached={} new={} queue={:.3f} read={:.3f} write={:.3f}", end.prompt_tokens,
                     end.cached_tokens, end.new_tokens, end.queue_seconds, end.prompt_seconds, end.answer_seconds);
}

TurnParts parts_of(ServiceState& state, const ExchangePtr& exchange, const Caller& caller, const AskedOf& asked,
                   std::shared_ptr<const grammar::AnswerRules> rules) {
  const ServedModel& model = *state.model;
  const openai::Question& question = *asked.question;
  const AnswerFormat format =
      question.harmony ? harmony_format(model.tokenizer()) : raw_format(raw_stop_tokens(model.runtime->files));
  TurnParts parts{.exchange = exchange, .question = asked.question, .writer = {}, .rules = std::move(rules)};
  parts.writer = writer_for(asked, model, state.options.reasoning_field);
  parts.prompts = asked.prompts;
  parts.stop_tokens = format.stop_tokens;
  parts.largest_token = format.largest_token;
  parts.max_new_tokens = question.max_new_tokens;
  parts.most_new_tokens = state.options.max_reply;
  parts.context = model.runtime->plan().context;
  parts.key = caller.key;
  parts.salt = asked.salt;
  parts.headers = caller.headers;
  parts.arrived = caller.arrived;
  parts.seconds_limit = state.options.max_reply_seconds;
  parts.waits_to_begin = state.options.max_wait > 0;
  if (exchange->request().header("x-mxpath-report") == "1")
    parts.report = [&state, question_ = asked.question](const openai::ReplyEnd& end) {
      return report_of(*state.model, *question_, end);
    };
  parts.on_over = [&state, asked, key = caller.key](Turn& turn) {
    remember(state, asked, key, turn);
    state.log(turn.parts().exchange->request(), turn.status(), turn.parts().arrived, figures_of(turn));
    state.post([&state, self = turn.shared_from_this()] { state.turns.erase(self); });
  };
  return parts;
}

/// On a worker: the body to a turn that the model has been asked for.
openai::Asked<std::shared_ptr<Turn>> ask(ServiceState& state, Endpoint endpoint, const ExchangePtr& exchange,
                                         const Caller& caller, BusyWith& counted) {
  MXPATH_TRY(AskedOf asked, read_question(state, endpoint, exchange->request().body, caller));
  MXPATH_TRY(auto rules, rules_of(*state.model, *asked.question));
  const ServedModel& model = *state.model;
  auto turn = std::make_shared<Turn>(TurnContext{*model.scheduler, state.outbox, *state.metrics, model.tokenizer(),
                                                 model.grammars, state.options.wording},
                                     parts_of(state, exchange, caller, asked, std::move(rules)));
  exchange->on_gone([weak = std::weak_ptr(turn)] {
    if (const auto gone = weak.lock()) gone->cancel();
  });
  counted.handed_on();
  MXPATH_CHECK(turn->submit());
  return turn;
}

void start(ServiceState& state, Endpoint endpoint, const ExchangePtr& exchange, const Caller& caller) {
  state.on_worker<std::shared_ptr<Turn>>(
      exchange, caller, true,
      [&state, endpoint, exchange, caller](BusyWith& counted) {
        return ask(state, endpoint, exchange, caller, counted);
      },
      [&state](std::shared_ptr<Turn> turn) {
        if (turn->over()) return;
        state.turns.insert(turn);
        if (turn->parts().waits_to_begin) return;
        turn->begin();
        turn->flush();
      });
}

}  // namespace

void chat_completions(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  start(state, Endpoint::chat, exchange, caller);
}
void completions(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  start(state, Endpoint::completions, exchange, caller);
}
void responses(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  start(state, Endpoint::responses, exchange, caller);
}

}  // namespace mxpath::server
