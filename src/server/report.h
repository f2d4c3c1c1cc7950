// What only this server can say of a reply: which paths ran, how near to the machine's roof, and why the cache held
// what it held.
#pragma once
#include "server/openai/reply_writer.h"
#include "server/service_state.h"

namespace mxpath::server {

/// {"paths": [{"site", "path", "tokens"}], "precision", "batch_invariant", "seed", "roof_tokens_per_second",
/// "roof_share", "cached_tokens", "cache", "warnings"}
Json report_of(const ServedModel& model, const openai::Question& question, const openai::ReplyEnd& end);

/// The path of each operation for one token of an answer.
std::vector<std::pair<std::string, std::string>> paths_of(const Plan& plan);

}  // namespace mxpath::server
