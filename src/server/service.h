// What a server does with a request: the routes, the model behind them, and what is kept between requests.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/runtime.h"
#include "base/hint.h"
#include "server/http/access.h"
#include "server/http/http.h"
#include "server/openai/question.h"

namespace mxpath::server {

struct ServiceOptions {
  std::string model = "demo";        ///< as it was asked for
  std::vector<std::string> aliases;  ///< further names that requests may use
  bool any_model = false;            ///< requests may name any
  http::AccessRules access;
  ConversationOptions conversation;  ///< identity, effort; the day is set for each request
  bool today = true;                 ///< the system message says the day where `conversation` does not
  openai::ReasoningField reasoning_field = openai::ReasoningField::reasoning;
  bool restore_reasoning = true;
  int most_queued = 64;             ///< requests that wait for a place
  double max_wait = 0;              ///< seconds in the queue; 0: any time
  int max_reply = 0;                ///< tokens of an answer; 0: what the context holds
  double max_reply_seconds = 0;     ///< 0: any time
  double step_target = 0;           ///< seconds; 0: the scheduler's own
  double stuck_seconds = 60;        ///< work waits and no step ended for so long: the server is not healthy
  Wording wording = plain_wording;  ///< of options in errors and plans
  std::function<void(std::string_view line)> log = {};  ///< one line for each request; without contents
};

struct ServiceState;

/// Requests come on the thread of the loop (handle). The model may come later (serve_model): until then what needs it
/// is answered with 503.
class Service {
 public:
  /// post: runs a function on the thread of the loop, which must outlive the service.
  Service(ServiceOptions options, std::function<void(std::function<void()>)> post);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Error: the system starts no thread.
  Status start();
  /// Before the loop runs or on its thread, once. Errors: no thread; a vocabulary that a grammar cannot be made of.
  Status serve_model(std::unique_ptr<Runtime> runtime, const Policy& policy);
  void handle(std::shared_ptr<http::Exchange> exchange);
  /// Looks at limits of time; a few times a second, on the thread of the loop.
  void tick();

  /// New requests are refused; idle() is true when those that run have ended.
  void drain();
  bool idle() const;
  /// Ends what still runs, with an error for those who ask.
  void cut();
  /// Behind cut(): whether the model's last step ends within so many seconds. Where not, destroying the service waits
  /// for it, perhaps for ever.
  bool comes_to_rest(double seconds) const;
  /// Why the model can answer nothing any more, as when its GPU is lost.
  std::optional<Error> lost() const;
  /// It answers, or is loading its model: no step is stuck.
  bool is_well() const;
  /// Counts of the listener, for /metrics.
  void set_counts(std::function<http::Counts()> counts);

  /// A refusal of the listener in the form of the API.
  static http::Reply refusal(int status, std::string_view sentence);

 private:
  std::unique_ptr<ServiceState> state_;
};

}  // namespace mxpath::server
