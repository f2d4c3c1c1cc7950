// A plan in a few words, for reports that are about something else.
#pragma once
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "diagnose/language.h"
#include "plan/plan.h"

namespace mxpath {

/// Paths of the experts, memory, expected speed: three lines.
std::vector<std::string> plan_in_three_lines(const Plan& plan, diagnose::Language language);
/// What mxpath would do: one sentence.
std::string plan_in_a_sentence(const Plan& plan, diagnose::Language language);
/// The plan for a model that need not be on this disk. Errors: those of make_plan.
Result<Plan> plan_for_config(const ModelConfig& config, std::string_view name, const Machine& machine);

}  // namespace mxpath
