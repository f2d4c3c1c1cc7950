// `mxpath serve`: a server for programs that speak the OpenAI API.
#include "server/serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <memory>

#include "base/environment.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "cli/access_log.h"
#include "cli/choice.h"
#include "cli/knob_flags.h"
#include "cli/options.h"
#include "cli/start.h"
#include "server/http/access.h"
#include "server/supervisor.h"

namespace mxpath::cli {
namespace {

constexpr const char* listening = "Listening";
constexpr const char* access = "Who may ask";
constexpr const char* answers = "Answers";

/// Answers side by side where the user names no number.
constexpr int usual_sequences = 16;

struct ServeOptions {
  CommonOptions common;
  server::ServeOptions serve;
  std::vector<std::string> keys;
  std::string key_file, log;
  bool no_date = false, no_restore = false;
};

std::atomic<int> told_to_end = 0;  // lock-free: a signal handler may add to it

void on_end(int) { told_to_end.fetch_add(1); }

/// While one lives, SIGINT and SIGTERM are counted instead of ending the program.
class CountEnds {
 public:
  CountEnds() {
    struct sigaction action = {};
    action.sa_handler = on_end;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTERM, &action, &terminate_);
  }
  ~CountEnds() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }
  CountEnds(const CountEnds&) = delete;
  CountEnds& operator=(const CountEnds&) = delete;

 private:
  struct sigaction interrupt_, terminate_;
};

/// A key on each line, without blanks around it; empty lines and those that begin with # are none.
Result<std::vector<std::string>> read_keys(const std::string& path) {
  MXPATH_TRY(const std::string text, read_text_file(path));
  constexpr std::string_view blanks = " \t\r\v\f", byte_order_mark = "\xef\xbb\xbf";
  std::string_view left = text;
  if (left.starts_with(byte_order_mark)) left.remove_prefix(byte_order_mark.size());
  std::vector<std::string> keys;
  while (!left.empty()) {
    const size_t end = std::min(left.find('\n'), left.size());
    std::string_view line = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    line = line.substr(0, line.find_last_not_of(blanks) + 1);
    if (!line.empty() && line.front() != '#') keys.emplace_back(line);
  }
  if (keys.empty()) return fail("{}: there is no key in it; write one on each line", printable(path));
  return keys;
}

Result<std::vector<std::string>> keys_of(const ServeOptions& o) {
  std::vector<std::string> keys = o.keys;
  if (std::ranges::count(keys, "") > 0)
    return wrong_use("--api-key: the key is empty; leave the option out for no key");
  if (const std::string one = environment_variable("MXPATH_API_KEY"); !one.empty()) keys.push_back(one);
  if (!o.key_file.empty()) {
    MXPATH_TRY(auto more, read_keys(o.key_file));
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return keys;
}

/// Whether this computer alone can ask.
bool is_local(const http::ServerOptions& listener) {
  if (listener.listening_socket >= 0) return !server::is_reachable(listener.listening_socket);
  return !listener.unix_socket.empty() || http::is_loopback(listener.host);
}

Status take_access(ServeOptions& o) {
  auto& rules = o.serve.service.access;
  auto& listener = o.serve.listener;
  MXPATH_TRY(rules.keys, keys_of(o));
  for (const std::string& origin : rules.origins) MXPATH_CHECK(http::check_origin_rule(origin));
  rules.open = {"/", "/health", "/v1/health", "/livez", "/readyz", "/openapi.json"};
  rules.loopback = is_local(listener);
  // Whoever is on this computer, or behind a proxy on it, comes from one address.
  if (rules.loopback) listener.limits.connections_of_an_address = listener.limits.connections;
  if (rules.loopback || !rules.keys.empty()) return {};
  const std::string open =
      fmt::format("{} can be reached by other computers, and everybody there may ask; give --api-key-file FILE",
                  listener.listening_socket >= 0 ? "the socket that was passed" : printable(listener.host));
  if (o.common.policy.strict) return refused("{}", open);
  tell(open);
  return {};
}

/// Each connection needs a descriptor, and the usual soft limit is 1,024.
void raise_descriptors(int connections) {
  constexpr rlim_t others = 64;
  const rlim_t wanted = static_cast<rlim_t>(connections) + others;
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted)
    tell(fmt::format("this process may open {} files, which is fewer than --max-connections {} needs (ulimit -n)",
                     limit.rlim_cur, connections));
}

Status check_seconds(const char* option, double seconds) {
  return seconds >= 0 ? Status() : wrong_use("{} {}: give seconds, 0 or more", option, seconds);
}

Status check(const ServeOptions& o) {
  MXPATH_CHECK(check_seconds("--step-target", o.serve.service.step_target));
  MXPATH_CHECK(check_seconds("--max-wait", o.serve.service.max_wait));
  MXPATH_CHECK(check_seconds("--max-reply-seconds", o.serve.service.max_reply_seconds));
  return check_seconds("--drain", o.serve.drain_seconds);
}

Status run(ServeOptions& o) {
  server::ServeOptions& serve = o.serve;
  MXPATH_CHECK(check(o));
  serve.listener.listening_socket = server::passed_socket();
  MXPATH_CHECK(take_access(o));
  raise_descriptors(serve.listener.limits.connections);
  std::unique_ptr<AccessLog> log;
  if (!o.log.empty()) {
    MXPATH_TRY(log, AccessLog::open(o.log));
    serve.service.log = [&log](std::string_view line) { log->line(line); };
  }
  if (o.no_date) serve.service.today = false;
  if (o.no_restore) serve.service.restore_reasoning = false;
  if (o.common.policy.sequences == 0) o.common.policy.sequences = usual_sequences;
  serve.service.model = o.common.model;
  serve.service.wording = flag_wording;
  serve.policy = o.common.policy;
  MXPATH_TRY(ModelFiles files, find_model(o.common.model, false));
  MXPATH_CHECK(check_vocabulary(files, false));
  auto shared = std::make_shared<ModelFiles>(std::move(files));
  serve.load = [shared, &o] { return start_visibly(std::move(*shared), o.common, {}, 0, false); };
  serve.on_listening = [](const std::string& url) { tell(fmt::format("listening on {}", url)); };
  serve.on_ready = [](const std::string& name) {
    tell(fmt::format("{} is ready; Ctrl-C ends the server", printable(name)));
  };
  serve.on_ended_early = [] { ::_exit(0); };  // nobody waits for an answer any more
  CountEnds counting;
  serve.times_told_to_end = [] { return told_to_end.load(); };
  return server::serve(std::move(serve));
}

void add_listening(CLI::App& command, ServeOptions& o) {
  auto& listener = o.serve.listener;
  command.add_option("--host", listener.host, "address to listen on; default: 127.0.0.1, this computer alone")
      ->envname("MXPATH_HOST")
      ->type_name("ADDRESS")
      ->group(listening);
  command.add_option("--port", listener.port, "port to listen on; 0: any free one; default: 8080")
      ->check(whole_number(0, 65535))
      ->envname("MXPATH_PORT")
      ->type_name("N")
      ->group(listening);
  command.add_option("--unix-socket", listener.unix_socket, "listen on this path instead")
      ->check(not_empty())
      ->type_name("PATH")
      ->group(listening);
  command
      .add_option("--drain", o.serve.drain_seconds,
                  "seconds that answers have to end after Ctrl-C or SIGTERM; the second of these ends them at once; "
                  "default: 30")
      ->check(decimal_number())
      ->type_name("SECONDS")
      ->group(listening);
  command.add_option("--max-connections", listener.limits.connections, "connections at once; default: 2048")
      ->check(whole_number(1, 1 << 20))
      ->type_name("N")
      ->group(listening);
  command
      .add_option("--access-log", o.log,
                  "a line for each request in this file, without what was said; - is standard error")
      ->type_name("FILE")
      ->group(listening);
}

void add_access(CLI::App& command, ServeOptions& o) {
  auto& rules = o.serve.service.access;
  command
      .add_option("--api-key", o.keys,
                  "who asks must know this key; again for more keys (other users of this computer can see it; "
                  "MXPATH_API_KEY and --api-key-file hide it)")
      ->type_size(1)
      ->allow_extra_args(false)
      ->type_name("KEY")
      ->group(access);
  command.add_option("--api-key-file", o.key_file, "a file with a key on each line")
      ->envname("MXPATH_API_KEY_FILE")
      ->type_name("FILE")
      ->group(access);
  command
      .add_option("--cors-origin", rules.origins,
                  "a web site that may ask from a browser: https://example.org; * is any")
      ->type_size(1)
      ->allow_extra_args(false)
      ->type_name("ORIGIN")
      ->group(access);
  command.add_option("--allow-host", rules.hosts, "a name by which clients may call this server; * is any")
      ->type_size(1)
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->group(access);
  command.add_option("--alias", o.serve.service.aliases, "a further name of the model")
      ->type_size(1)
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->group(access);
  command.add_flag("--any-model", o.serve.service.any_model, "requests may name any model and get this one")
      ->group(access);
}

void add_answers(CLI::App& command, ServeOptions& o) {
  auto& service = o.serve.service;
  const auto set_effort = [&service](const std::string& text) {
    auto effort = harmony::parse_effort(text);
    if (!effort.ok()) throw CLI::ValidationError("--reasoning-effort: " + effort.error().message);
    service.conversation.effort = *effort;
  };
  command
      .add_option_function<std::string>("--reasoning-effort", set_effort,
                                        "how much the model reasons where a request does not say; default: medium")
      ->type_name("low|medium|high")
      ->group(answers);
  add_choice<openai::ReasoningField>(
      command, "--reasoning-field", service.reasoning_field,
      {{"reasoning", openai::ReasoningField::reasoning},
       {"reasoning_content", openai::ReasoningField::reasoning_content},
       {"both", openai::ReasoningField::both}},
      "the field that holds the reasoning: reasoning (default), reasoning_content or both")
      ->group(answers);
  const auto set_date = [&service](const std::string& date) {
    or_throw(check_date(date));
    service.conversation.date = date;
  };
  auto* date =
      command
          .add_option_function<std::string>("--date", set_date, "current date in the system message; default: today")
          ->type_name("YYYY-MM-DD")
          ->group(answers);
  command.add_flag("--no-date", o.no_date, "no date in the system message")->excludes(date)->group(answers);
  command
      .add_flag("--no-restore-reasoning", o.no_restore, "a call that comes back without its reasoning stays without it")
      ->group(answers);
  command
      .add_option("--max-queue", service.most_queued,
                  "requests that may wait; more are told to come again (429); default: 64")
      ->check(whole_number(1, 1 << 20))
      ->type_name("N")
      ->group(answers);
  command.add_option("--max-wait", service.max_wait, "seconds that a request may wait for its turn; default: any time")
      ->check(decimal_number())
      ->type_name("SECONDS")
      ->group(answers);
  command.add_option("--max-reply", service.max_reply, "most tokens of an answer; default: what the context holds")
      ->check(whole_number(1, 1 << 30))
      ->type_name("N")
      ->group(answers);
  command
      .add_option("--max-reply-seconds", service.max_reply_seconds,
                  "most seconds from a request to the end of its answer; default: any time")
      ->check(decimal_number())
      ->type_name("SECONDS")
      ->group(answers);
  command
      .add_option("--step-target", service.step_target,
                  "seconds that a step may take while answers wait for it; default: two steps without prompts, or 0.1 "
                  "where that is longer")
      ->check(decimal_number())
      ->type_name("SECONDS")
      ->group(answers);
}

}  // namespace

void add_serve(CLI::App& app, Program& program) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Answer programs that speak the OpenAI API, many at once");
  add_model(*command, options->common.model, false);
  command->get_option("MODEL")->envname("MXPATH_MODEL");
  add_listening(*command, *options);
  add_access(*command, *options);
  add_answers(*command, *options);
  add_common_options(*command, options->common, program);
  command->callback([options, &program] { program.action = [options] { return run(*options); }; });
}

}  // namespace mxpath::cli
