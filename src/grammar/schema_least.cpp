#include "grammar/schema_least.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>
#include <vector>

#include "grammar/schema_place.h"

namespace mxpath::grammar {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
// References followed in one another at a time; a chain that is longer takes more rounds.
constexpr int longest_chain = 200;
constexpr int most_rounds = 50;

constexpr std::array maps{"$defs", "definitions", "properties", "patternProperties"};
constexpr std::array lists{"anyOf", "oneOf", "allOf", "prefixItems"};
constexpr std::array singles{"items", "additionalProperties"};

const Json* member(const Json& schema, const char* keyword) {
  const auto found = schema.find(keyword);
  return found == schema.end() ? nullptr : &*found;
}

// A count that a keyword gives, 0 without it.
double count_of(const Json& schema, const char* keyword) {
  const Json* count = member(schema, keyword);
  return count && count->is_number() ? count->get<double>() : 0;
}

// So many characters each; 0 of what has no end are none.
double times(double count, double each) { return count > 0 ? count * each : 0; }

// Values for the targets of references grow less from round to round, beginning with endless, until none does.
class Least {
 public:
  explicit Least(const Json& root) : root_(root) { gather(root); }

  double settled() {
    double least = endless;
    for (int round = 0; round < most_rounds; ++round) {
      changed_ = false;
      looked_at_.clear();
      least = of(root_);
      for (const auto& [reference, target] : targets_) of_target(target);
      if (!changed_) break;
    }
    return least;
  }

  // With what is known by now.
  double of(const Json& schema) {
    if (schema == false) return endless;
    if (!schema.is_object()) return 1;
    if (const Json* reference = member(schema, "$ref")) {
      const auto found = targets_.find(reference);
      return found == targets_.end() ? 1 : of_target(found->second);  // what leads nowhere is the compiler's to refuse
    }
    if (const Json* values = member(schema, "enum")) return of_values(*values);
    for (const char* keyword : {"anyOf", "oneOf", "allOf"})
      if (const Json* branches = member(schema, keyword)) return of_branches(*branches);
    const Json* types = member(schema, "type");
    if (!types) return 1;
    if (!types->is_array()) return of_type(schema, *types);
    double least = endless;
    for (const Json& type : *types) least = std::min(least, of_type(schema, type));
    return least;
  }

 private:
  // The targets of all references, those in definitions that nothing uses too.
  void gather(const Json& value) {
    if (!value.is_structured()) return;
    for (const Json& part : value) gather(part);
    const Json* reference = value.is_object() ? member(value, "$ref") : nullptr;
    if (!reference || !reference->is_string()) return;
    const std::string_view text = reference->get_ref<const std::string&>();
    const Json* target = text.starts_with('#') ? pointed_to(root_, text.substr(1)) : nullptr;
    if (target) targets_[reference] = target;
  }

  double of_target(const Json* target) {
    const double known = known_.try_emplace(target, endless).first->second;
    if (chain_ >= longest_chain || !looked_at_.insert(target).second) return known;
    ++chain_;
    const double now = of(*target);
    --chain_;
    if (now < known) {
      known_[target] = now;
      changed_ = true;
    }
    return std::min(now, known);
  }

  static double of_values(const Json& values) {
    double least = endless;
    for (const Json& value : values)
      least = std::min(least, static_cast<double>(value.dump(-1, ' ', false, Json::error_handler_t::replace).size()));
    return least;
  }

  double of_branches(const Json& branches) {
    double least = endless;
    for (const Json& branch : branches) least = std::min(least, of(branch));
    return least;
  }

  double of_type(const Json& schema, const Json& type) {
    if (type == "null" || type == "boolean") return 4;
    if (type == "string") return 2 + count_of(schema, "minLength");
    if (type == "array") return of_array(schema);
    return type == "object" ? of_object(schema) : 1;
  }

  double of_array(const Json& schema) {
    const double items = count_of(schema, "minItems");
    double least = 2 + std::max(0.0, items - 1);  // brackets and commas
    double first = 0;
    if (const Json* prefix = member(schema, "prefixItems"))
      for (const Json& item : *prefix) least += first++ < items ? of(item) : 0;
    const Json* others = member(schema, "items");
    return least + times(items - first, others ? of(*others) : 1);
  }

  double of_object(const Json& schema) {
    std::set<std::string_view> required;
    if (const Json* names = member(schema, "required"))
      for (const Json& name : *names)
        if (name.is_string()) required.insert(name.get_ref<const std::string&>());
    double least = 2, properties = 0;
    std::vector<double> optional;
    if (const Json* map = member(schema, "properties"); map && map->is_object()) {
      for (const auto& [name, value] : map->items()) {
        const double length = static_cast<double>(name.size()) + 4 + of(value);  // quotation marks, colon and comma
        if (!required.contains(name)) {
          optional.push_back(length);
          continue;
        }
        least += length;
        ++properties;
      }
    }
    return least + of_others(schema, count_of(schema, "minProperties") - properties, optional);
  }

  // So many properties more that nothing requires by name.
  double of_others(const Json& schema, double more, std::vector<double>& optional) {
    std::sort(optional.begin(), optional.end());
    double least = 0;
    for (const double length : optional)
      if (more-- > 0) least += length;
    if (more <= 0) return least;
    double each = endless;
    const Json* patterns = member(schema, "patternProperties");
    if (patterns) each = of_branches(*patterns);
    const Json* any = member(schema, "additionalProperties");
    if (any || !patterns) each = std::min(each, any ? of(*any) : 1);
    return least + times(more, each + 4);
  }

  const Json& root_;
  std::unordered_map<const Json*, const Json*> targets_;  // by the value of $ref
  std::unordered_map<const Json*, double> known_;         // by target
  std::set<const Json*> looked_at_;                       // in this round
  int chain_ = 0;
  bool changed_ = false;
};

// The walk for the innermost schema that is too large.
class Search {
 public:
  Search(const Json& root, double limit) : least_(root), limit_(limit) { least_.settled(); }

  std::optional<Endless> in(const Json& schema, const std::string& at) {
    if (!schema.is_object()) return {};
    if (auto found = in_parts(schema, at)) return found;
    const double least = least_.of(schema);
    if (!(least > limit_)) return {};
    if (std::isinf(least)) {
      if (!schema.contains("$ref")) return {};
      return Endless{at, "$ref",
                     "$ref points to what never ends, because it requires itself again: let a property of it be left "
                     "out, an array be empty, or null be allowed"};
    }
    for (const char* keyword : {"minItems", "minLength", "minProperties"})
      if (count_of(schema, keyword) > 1)
        return Endless{at, keyword,
                       fmt::format("{} asks for more than the {} characters that a value may need at least: lower it",
                                   keyword, limit_)};
    return Endless{at, "", fmt::format("a value needs more than {} characters at least: require less", limit_)};
  }

 private:
  std::optional<Endless> in_parts(const Json& schema, const std::string& at) {
    for (const char* keyword : maps) {
      const Json* map = member(schema, keyword);
      if (!map || !map->is_object()) continue;
      for (const auto& [name, part] : map->items())
        if (auto found = in(part, joined(joined(at, keyword), name))) return found;
    }
    for (const char* keyword : lists) {
      const Json* list = member(schema, keyword);
      if (!list || !list->is_array()) continue;
      for (size_t i = 0; i < list->size(); ++i)
        if (auto found = in((*list)[i], joined(joined(at, keyword), std::to_string(i)))) return found;
    }
    for (const char* keyword : singles)
      if (const Json* part = member(schema, keyword))
        if (auto found = in(*part, joined(at, keyword))) return found;
    return {};
  }

  Least least_;
  double limit_;
};

}  // namespace

double least_of(const Json& schema) { return Least(schema).settled(); }

std::optional<Endless> first_endless(const Json& enforced, double limit) {
  return Search(enforced, limit).in(enforced, "");
}

}  // namespace mxpath::grammar
