# Precompiled headers, where MXPATH_PCH is ON: what other projects and the standard library give, and nothing of mxpath,
# so that no change of ours makes them anew. A file still includes what it uses: clang-tidy reads the files without
# (tools/check_tidy.sh), and MXPATH_PCH=OFF builds all.
option(MXPATH_PCH "read the headers of libraries precompiled" ON)

# ccache takes a precompiled header for what it is only when told that macros of the command line and the time of day do
# not matter to it.
if(CCACHE AND MXPATH_PCH)
  find_program(MXPATH_ENV env REQUIRED)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MXPATH_ENV} CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

# What many files read.
set(MXPATH_PRECOMPILED <fmt/format.h> <nlohmann/json.hpp> <algorithm> <array> <chrono> <cmath> <cstdint> <cstring>
  <filesystem> <functional> <limits> <map> <memory> <numeric> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <vector>)

# mxpath_precompiled(NAME [QUICK] [FUZZED] HEADERS <header>... USES targets...): headers that mxpath_read_precompiled
# gives to targets with the same flags. The name begins with no mxpath_, so that cmake/install.cmake does not take it for
# code.
function(mxpath_precompiled name)
  cmake_parse_arguments(ARG "QUICK;FUZZED" "" "HEADERS;USES" ${ARGN})
  if(NOT MXPATH_PCH)
    return()
  endif()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${name}.cpp CONTENT "// A library needs a file.\n")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/generated/${name}.cpp)
  target_link_libraries(${name} PRIVATE mxpath_options fmt::fmt nlohmann_json::nlohmann_json Threads::Threads
    ${ARG_USES})
  set_target_properties(${name} PROPERTIES MXPATH_QUICK_BUILD ${ARG_QUICK} MXPATH_FUZZED ${ARG_FUZZED})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS} ${MXPATH_PRECOMPILED})
  # ccache needs to see gcc's use of the header; clang's would hold the times of the files it was made from.
  target_compile_options(${name} PRIVATE $<IF:$<CXX_COMPILER_ID:GNU>,-fpch-preprocess,SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

# mxpath_read_precompiled(TARGET NAME). Files with flags of their own (cmake/isa_flags.cmake) read headers as they are.
function(mxpath_read_precompiled target name)
  if(MXPATH_PCH)
    target_precompile_headers(${target} REUSE_FROM ${name})
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>
      $<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>)
  endif()
endfunction()
