#include "server/report.h"

#include <algorithm>

#include "plan/block.h"
#include "plan/expectation.h"

namespace mxpath::server {
namespace {

/// The path of a site for an answer and for its prompt: one entry where it is the same.
void add_paths(Json& out, const SitePlan& site) {
  for (const Decision& decision : site.decisions) {
    const std::string_view name = decision.chosen->name;
    const auto same = std::ranges::find_if(
        out, [&](const Json& known) { return known["site"] == site.site.name() && known["path"] == name; });
    if (same == out.end())
      out.push_back({{"site", site.site.name()}, {"path", name}, {"tokens", decision.regime.tokens.to_string()}});
    else (*same)["tokens"] = (*same)["tokens"].get<std::string>() + ", " + decision.regime.tokens.to_string();
  }
}

std::string precision_of(const Plan& plan) {
  std::vector<std::string_view> kinds;
  for (const SitePlan& site : plan.sites)
    if (const auto name = name_of(site.decisions.front().chosen->arithmetic); !std::ranges::count(kinds, name))
      kinds.push_back(name);
  return fmt::format("{}", fmt::join(kinds, ", "));
}

std::string cache_sentence(const openai::ReplyEnd& end) {
  if (end.cached_tokens == 0) return "nothing that was read before begins like this prompt and can be continued";
  if (end.cached_tokens >= end.prompt_tokens - 1) return "all of the prompt but its last token had been read before";
  return "the beginning had been read before; what follows it is new";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> paths_of(const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) out.emplace_back(site.site.name(), site.decisions.front().chosen->name);
  return out;
}

Json report_of(const ServedModel& model, const openai::Question& question, const openai::ReplyEnd& end) {
  const Plan& plan = model.runtime->plan();
  Json paths = Json::array();
  for (const SitePlan& site : plan.sites)
    if (!plan.is_idle(site)) add_paths(paths, site);
  std::vector<std::string> warnings = question.warnings;
  warnings.insert(warnings.end(), end.warnings.begin(), end.warnings.end());
  Json out = {{"paths", std::move(paths)},
              {"precision", precision_of(plan)},
              {"batch_invariant", same_bits_in_any_batch(plan)},
              {"seed", question.sampling.seed},
              {"cached_tokens", end.cached_tokens},
              {"cache", cache_sentence(end)},
              {"warnings", std::move(warnings)}};
  const double least = expect_step(plan, model.runtime->machine, end.prompt_tokens + end.new_tokens).roof;
  if (least > 0) out["roof_tokens_per_second"] = 1 / least;
  if (least > 0 && end.answer_seconds > 0 && end.new_tokens > 1)
    out["roof_share"] = least * (end.new_tokens - 1) / end.answer_seconds;
  return out;
}

}  // namespace mxpath::server
