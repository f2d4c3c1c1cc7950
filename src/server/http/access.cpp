#include "server/http/access.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "server/http/header_text.h"

namespace mxpath::http {
namespace {

struct Authority {
  std::string host;  // lower case, without brackets and a dot at the end
  int port = 0;      // 0: none is given
  bool operator==(const Authority&) const = default;
};

std::optional<int> parse_port(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return {};
  int port = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return {};
    port = port * 10 + (c - '0');
  }
  if (port == 0 || port > 65535) return {};
  return port;
}

/// "name:8080", "127.0.0.1", "[::1]:8080".
std::optional<Authority> parse_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return {};
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else if (const size_t colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  Authority out{lower_case(host)};
  if (out.host.ends_with('.')) out.host.pop_back();
  if (out.host.empty()) return {};
  if (rest.empty()) return out;
  const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return {};
  out.port = *port;
  return out;
}

/// The authority of "http://host:port", with the port that its scheme stands for.
std::optional<Authority> parse_origin(std::string_view origin) {
  for (const auto& [scheme, port] : {std::pair<std::string_view, int>{"http://", 80}, {"https://", 443}}) {
    if (!same_word(origin.substr(0, scheme.size()), scheme)) continue;
    auto authority = parse_authority(origin.substr(scheme.size()));
    if (authority && authority->port == 0) authority->port = port;
    return authority;
  }
  return {};
}

bool is_address(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

/// A host that a browser may name in an Origin: "[::1]", or a name in ASCII, as an address is too.
bool is_fit_host(std::string_view text, const Authority& authority) {
  if (text.starts_with('[')) return authority.host.find(':') != authority.host.npos && is_address(authority.host);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !authority.host.starts_with('.') && std::all_of(authority.host.begin(), authority.host.end(), fits);
}

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return one == "*" || same_word(one, name); });
}

/// The computer's name, the first part of it alone, or that part behind which ".local" stands: names that nobody can
/// register elsewhere. Any other domain behind the first part could be somebody else's.
bool is_own_name(std::string_view host) {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return false;
  const std::string_view name = buffer.data();
  const std::string first(name.substr(0, name.find('.')));
  return !first.empty() && (same_word(host, name) || same_word(host, first) || same_word(host, first + ".local"));
}

/// A name that somebody else's DNS leads here makes a browser send what a foreign page wants as if it were ours. No DNS
/// is asked about an address, so an address is safe wherever it can be reached. A right key is no foreign page's
/// either.
std::optional<Refusal> check_host(const Request& request, const AccessRules& rules, bool key_is_right) {
  const std::string_view header = request.header("host");
  if (header.empty()) return {};  // HTTP/1.0 alone, which no browser speaks
  const auto host = parse_authority(header);
  if (!host) return Refusal{403, "Host is no name and no address", "host_not_allowed"};
  if (is_loopback(host->host) || has_name(rules.hosts, host->host)) return {};
  if (!rules.loopback && (key_is_right || is_address(host->host) || is_own_name(host->host))) return {};
  return Refusal{403,
                 fmt::format("the host {} is not served here{}; whoever runs the server may allow the name",
                             printable(host->host), rules.loopback ? "" : " without a right key; use its address"),
                 "host_not_allowed"};
}

/// Whether a page of this origin was served by this host.
bool is_own(std::string_view origin, std::string_view host_header) {
  auto host = parse_authority(host_header);
  const auto from = parse_origin(origin);
  if (!host || !from) return false;
  if (host->port == 0) host->port = same_word(origin.substr(0, 6), "https:") ? 443 : 80;
  return *host == *from;
}

/// "*", or the same scheme, host and port; the port of a scheme need not be given.
bool has_origin(const std::vector<std::string>& rules, std::string_view origin) {
  const auto from = parse_origin(origin);
  return std::any_of(rules.begin(), rules.end(), [&](const std::string& rule) {
    if (rule == "*" || same_word(rule, origin)) return true;
    return from && same_word(rule.substr(0, rule.find(':')), origin.substr(0, origin.find(':'))) &&
           parse_origin(rule) == from;
  });
}

/// Every byte of the right key is looked at, whatever was sent.
bool same_key(std::string_view sent, std::string_view key) {
  size_t difference = sent.size() ^ key.size();
  for (size_t i = 0; i < key.size(); ++i)
    difference |= static_cast<unsigned char>(key[i] ^ (i < sent.size() ? sent[i] : '\0'));
  return difference == 0;
}

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer";
  const std::string_view rest = authorization.substr(std::min(scheme.size(), authorization.size()));
  if (!same_word(authorization.substr(0, scheme.size()), scheme)) return {};
  if (rest.empty() || (rest.front() != ' ' && rest.front() != '\t')) return {};
  return trimmed(rest);
}

/// "" where none that was sent is right.
std::string right_key(const Request& request, const AccessRules& rules) {
  std::string right;
  for (const std::string_view sent : {bearer_token(request.header("authorization")), request.header("x-api-key")}) {
    if (sent.empty()) continue;
    for (const std::string& key : rules.keys)  // all of them, so that the time does not tell which one is near
      if (same_key(sent, key)) right = key;
  }
  return right;
}

std::optional<Refusal> check_key(const Request& request, const AccessRules& rules, Access& access) {
  const bool open = std::find(rules.open.begin(), rules.open.end(), request.path) != rules.open.end();
  if (rules.keys.empty() || open || !access.key.empty()) return {};
  access.headers.emplace_back("WWW-Authenticate", "Bearer");
  return Refusal{401, "the API key is missing or wrong; send it as Authorization: Bearer KEY", "invalid_api_key"};
}

/// A form or a plain text is sent by any page without asking; application/json is not.
std::optional<Refusal> check_content_type(const Request& request) {
  if (request.body.empty()) return {};
  const std::string_view type = request.header("content-type");
  if (same_word(trimmed(type.substr(0, type.find(';'))), "application/json")) return {};
  return Refusal{415, "the content type of the body must be application/json", "unsupported_media_type"};
}

void add_cors(std::string_view origin, const AccessRules& rules, Access& access) {
  const bool any = std::find(rules.origins.begin(), rules.origins.end(), "*") != rules.origins.end();
  access.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
  if (!any) access.headers.emplace_back("Vary", "Origin");
  access.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After, X-Mxpath-Warnings, X-Request-Id");
}

Reply preflight_reply(const Request& request, Headers headers) {
  const std::string_view wanted = request.header("access-control-request-headers");
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
  headers.emplace_back("Access-Control-Allow-Headers",
                       wanted.empty() ? "authorization, content-type, x-api-key" : std::string(wanted));
  headers.emplace_back("Access-Control-Max-Age", "600");
  if (same_word(request.header("access-control-request-private-network"), "true"))
    headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  return {204, {}, {}, std::move(headers)};
}

bool is_preflight(const Request& request) {
  return request.method == "OPTIONS" && !request.header("origin").empty() &&
         !request.header("access-control-request-method").empty();
}

std::optional<Refusal> check_origin(const Request& request, const AccessRules& rules, Access& access) {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return {};
  if (has_origin(rules.origins, origin)) add_cors(origin, rules, access);
  else if (!is_own(origin, request.header("host")))
    return Refusal{403, fmt::format("pages of {} may not ask here", printable(origin)), "origin_not_allowed"};
  if (is_preflight(request)) access.preflight = preflight_reply(request, access.headers);
  return {};
}

}  // namespace

Access check_access(const Request& request, const AccessRules& rules) {
  Access access;
  access.key = right_key(request, rules);
  // A preflight never has the key that the request behind it will have; check_origin says who may send one.
  const bool key_will_count = !rules.keys.empty() && is_preflight(request);
  access.refusal = check_host(request, rules, !access.key.empty() || key_will_count);
  if (!access.refusal) access.refusal = check_origin(request, rules, access);
  if (access.refusal || access.preflight) return access;
  access.refusal = check_key(request, rules, access);
  if (!access.refusal) access.refusal = check_content_type(request);
  return access;
}

Status check_origin_rule(std::string_view rule) {
  if (rule == "*") return {};
  const size_t scheme = rule.find("://");
  const auto authority = parse_origin(rule);
  if (authority && is_fit_host(rule.substr(scheme + 3), *authority)) return {};
  return wrong_use("{}: no origin that a browser sends; give https://NAME or http://NAME:PORT without a path, or *",
                   printable(rule));
}

bool is_loopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (same_word(host, "localhost")) return true;
  const std::string name(host);
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, name.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

}  // namespace mxpath::http
