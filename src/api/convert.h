// Between the types of the public API and those of the library.
#pragma once
#include "app/answer.h"
#include "app/conversation.h"
#include "app/scheduled_answer.h"
#include "mxpath/mxpath.h"
#include "plan/plan.h"
#include "plan/policy.h"

namespace mxpath::api {

Error to_api(const mxpath::Error& error);
Answer to_api(ScheduledAnswer answer);
Score to_api(mxpath::Score score);
/// The JSON text of a plan, its knobs as fields of Options.
std::string plan_json(const Plan& plan);

/// Errors (wrong use): a word or number that cannot be meant.
Result<Policy> to_policy(const Options& options);
/// Everything but the cancellation. Errors (wrong use): a value out of range. on_text must outlive what is returned.
Result<ScheduledOptions> to_scheduled_options(const GenerateOptions& options, const SamplingOptions& defaults,
                                              int choices, const OnChoiceText& on_text);
/// For an answer that is the only one.
OnChoiceText of_one(const OnText& on_text);
Result<ConversationOptions> to_conversation_options(const GenerateOptions& options);
/// Errors (wrong use): an unknown role.
Result<harmony::Message> to_message(const Message& message);

}  // namespace mxpath::api
