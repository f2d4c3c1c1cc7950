// /v1/responses: bodies to questions, pieces to items and events.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/chat_request.h"
#include "server/openai/reply_writer.h"
#include "server/openai/response_store.h"

namespace mxpath::openai {

struct ResponsesQuestion {
  Question question;
  Json input_items = Json::array();  ///< of this request, with ids; those before it are in the store
  bool store = true;
  std::string previous;  ///< id; "": none
};

/// The id of the response that a body goes on with; "": none, or none that parse_responses would take.
std::string previous_response_id(const Json& body);

/// `previous` was found in the store where the body names one; null: 404. Errors as of parse_chat.
Asked<ResponsesQuestion> parse_responses(const Json& body, const QuestionDefaults& defaults,
                                         const StoredResponse* previous, const RestoreReasoning& restore = {});

/// Input items to messages of harmony. Reasoning stays where it belongs to the running tool loop: behind the last
/// message of the user. Reasoning without a text, as of a client that got it encrypted, is restored by the id of the
/// call that followed it.
Asked<std::vector<harmony::Message>> harmony_of_items(const Json& items, const RestoreReasoning& restore = {});

/// What a stored response holds as input: all items that the model was asked with, those of `previous` (null: none)
/// first, its output behind its input.
Json stored_input(const ResponsesQuestion& question, const StoredResponse* previous);

/// What GET /v1/responses/{id}/input_items asks for, as its query says it; "": not said.
struct ItemPage {
  std::string limit = {}, order = {}, after = {};
};
/// {"object": "list", "data", "first_id", "last_id", "has_more"}; at most 20 items, the newest first, unless asked
/// otherwise. Errors: 400 for a field of the query.
Asked<Json> input_item_page(const StoredResponse& stored, const ItemPage& page);

/// Events are numbered from 0: created and in_progress, then item by item, one open at a time: output_item.added; of
/// reasoning and messages content_part.added, deltas, done, content_part.done; of calls deltas and done;
/// output_item.done. Last is completed, incomplete or failed, whose response is whole(). An item is done when the next
/// one begins or the answer ends, because only then it is known whether it was cut. A failed response has no usage. The
/// question must outlive the writer; its `asked` fields and "store" are repeated in the response.
std::unique_ptr<ReplyWriter> responses_writer(const ResponsesQuestion& question, ReplyFacts facts);

}  // namespace mxpath::openai
