// Words of headers, and the head of an answer.
#pragma once
#include <string>
#include <string_view>

#include "server/http/http.h"

namespace mxpath::http {

char lower_case(char c);
std::string lower_case(std::string_view text);
/// The same but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);
/// A token of RFC 9110, as methods and names of headers are.
bool is_token(std::string_view text);
/// 1 to 128 characters of [A-Za-z0-9._-].
bool is_fit_id(std::string_view id);

/// What of an answer depends on its request and on its connection.
struct AnswerFrame {
  std::string id;            ///< X-Request-Id
  bool head_only = false;    ///< the request was HEAD
  bool http_1_0 = false;     ///< the client knows no chunks and closes where nothing is said
  bool close_after = false;  ///< the connection is closed afterwards
};

/// An answer with its length. Control characters in values become spaces; headers with names that are no token, and
/// those that say how the answer is framed, are left out.
std::string whole_answer(const Reply& reply, const AnswerFrame& frame);
/// 200 with text/event-stream, up to the first chunk.
std::string stream_head(const Headers& headers, const AnswerFrame& frame);

}  // namespace mxpath::http
