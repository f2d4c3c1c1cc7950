// Items of /v1/responses as the model reads them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/responses.h"

namespace mxpath::openai {

/// What items came to.
struct ReadItems {
  std::vector<harmony::Message> messages;
  std::vector<Function> functions;    ///< of items "additional_tools"
  std::vector<std::string> warnings;  ///< what was left out
};

/// `earlier` are the items of the response that is gone on with, whose errors would not be the caller's; `items` stand
/// in the body at "input".
Asked<ReadItems> read_items(const Json& earlier, const Json& items, const RestoreReasoning& restore);

/// All items of a stored response: its input, then its output.
Json items_before(const StoredResponse& previous);

/// The type of an item; "message" where it has a role alone, "item_reference" where it has an id alone.
std::string_view type_of_item(const Json& item);

/// The items as they are kept and listed: each with its type and an id (its own, or one that depends on `seed`, its
/// place and its content alone), the content of messages as parts.
Json listed_items(Json items, std::string_view seed);

}  // namespace mxpath::openai
