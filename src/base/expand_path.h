// Paths that reach the program without a shell: from a unit file, a Dockerfile, a .env, a desktop entry.
#pragma once
#include <string>
#include <string_view>

namespace mxpath {

/// The user's home folder: $HOME, else what the system says; "" if neither does.
std::string home_folder();

/// Does what a shell would: a leading ~ or ~user is a home folder, $NAME and ${NAME} are variables. What is not set or
/// not known stays.
std::string expanded(std::string_view path);

/// The path itself if something of that name is there, "~" and "$" and all, else expanded().
std::string expanded_unless_there(std::string_view path);

}  // namespace mxpath
