# tests/machines/*.json inside the program: one array entry for each file, written anew when a file changes.
function(mxpath_known_machines target)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/machines/*.json)
  list(SORT files)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} json)
    string(APPEND entries "    {\"${name}\", R\"~~(${json})~~\"},\n")
  endforeach()
  set(out ${PROJECT_BINARY_DIR}/generated/known_machines_data.cpp)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT [[// Made from tests/machines by cmake/known_machines.cmake.
#include "machine/known_machines.h"

namespace mxpath {
namespace {

constexpr KnownMachine machines[] = {
@entries@};

}  // namespace

std::span<const KnownMachine> known_machines() { return machines; }

}  // namespace mxpath
]])
  target_sources(${target} PRIVATE ${out})
endfunction()
