# mxpath_embed(TARGET FOLDER folder [KIND html] HEADER header NAMESPACE space TYPE type FUNCTION function):
# folder/*.json, or files of another kind, inside the program. `function` of the header returns a span of `type`:
# {name without its ending, text} for each file, by name; written anew when a file changes.
function(mxpath_embed target)
  cmake_parse_arguments(ARG "" "FOLDER;KIND;HEADER;NAMESPACE;TYPE;FUNCTION" "" ${ARGN})
  if(NOT ARG_KIND)
    set(ARG_KIND json)
  endif()
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/*.${ARG_KIND})
  list(SORT files)
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"~~(${text})~~\"},\n")
  endforeach()
  set(out ${PROJECT_BINARY_DIR}/generated/${ARG_FUNCTION}.cpp)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT [[// Made from @ARG_FOLDER@ by cmake/embedded_files.cmake.
#include "@ARG_HEADER@"

namespace @ARG_NAMESPACE@ {
namespace {

constexpr @ARG_TYPE@ files[] = {
@entries@};

}  // namespace

std::span<const @ARG_TYPE@> @ARG_FUNCTION@() { return files; }

}  // namespace @ARG_NAMESPACE@
]])
  target_sources(${target} PRIVATE ${out})
endfunction()
