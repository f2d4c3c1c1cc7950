// --lang en|ko.
#pragma once
#include "diagnose/language.h"

namespace CLI {
class App;
}

namespace mxpath::cli {

/// The locale's language until the option is given.
void add_language_option(CLI::App& command, diagnose::Language& language);

}  // namespace mxpath::cli
