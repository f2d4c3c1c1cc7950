// Pages of the input of stored responses.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "server/openai/responses.h"

namespace mxpath::openai {
namespace {

constexpr int usual_limit = 20, largest_limit = 100;

/// "" is the usual one.
Asked<int> limit_of(std::string_view text) {
  int limit = text.empty() ? usual_limit : 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  const bool whole = text.empty() || (error == std::errc() && end == text.data() + text.size());
  if (whole && limit >= 1 && limit <= largest_limit) return limit;
  return bad_field("limit", "limit must be between 1 and {}, but it is \"{}\"", largest_limit, printable(text));
}

Json id_of(const Json& item) { return item.value("id", Json()); }

}  // namespace

Asked<Json> input_item_page(const StoredResponse& stored, const ItemPage& page) {
  MXPATH_TRY(const int limit, limit_of(page.limit));
  if (!page.order.empty() && page.order != "asc" && page.order != "desc")
    return bad_field("order", "order must be asc or desc, but it is \"{}\"", printable(page.order));
  std::vector<const Json*> items;
  for (const Json& item : stored.input) items.push_back(&item);
  if (page.order != "asc") std::ranges::reverse(items);
  auto begin = items.begin();
  if (!page.after.empty()) {
    begin = std::ranges::find_if(items, [&](const Json* item) { return id_of(*item) == page.after; });
    if (begin == items.end())
      return bad_field("after", "the response has no item with the id \"{}\"", printable(page.after));
    ++begin;
  }
  const auto end = begin + std::min<ptrdiff_t>(limit, items.end() - begin);
  Json data = Json::array();
  for (auto item = begin; item != end; ++item) data.push_back(**item);
  const bool empty = data.empty();
  return Json{{"object", "list"},
              {"first_id", empty ? Json() : id_of(data.front())},
              {"last_id", empty ? Json() : id_of(data.back())},
              {"has_more", end != items.end()},
              {"data", std::move(data)}};
}

}  // namespace mxpath::openai
