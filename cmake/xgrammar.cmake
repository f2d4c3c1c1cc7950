# The core of xgrammar, for src/grammar: bodies of answers that follow a schema. Its source comes from the Python
# package index when the build is configured (tools/get_xgrammar.py) and is compiled as it is.
set(MXPATH_GRAMMAR AUTO CACHE STRING "bodies by a JSON schema (xgrammar): AUTO where its source can be had, ON or OFF")
set_property(CACHE MXPATH_GRAMMAR PROPERTY STRINGS AUTO ON OFF)
set(MXPATH_XGRAMMAR_SDIST "" CACHE FILEPATH "xgrammar-0.2.9.tar.gz of the package index, where there is no network")

# Sets MXPATH_HAS_GRAMMAR, and XGRAMMAR_FOLDER to the source.
function(mxpath_find_xgrammar)
  set(MXPATH_HAS_GRAMMAR 0 PARENT_SCOPE)
  if(MXPATH_GRAMMAR STREQUAL "OFF")
    return()
  endif()
  set(folder ${PROJECT_BINARY_DIR}/xgrammar-0.2.9)
  if(NOT EXISTS ${folder}/cpp)
    find_program(MXPATH_PYTHON python3)
    set(why "there is no python3")
    if(MXPATH_PYTHON)
      execute_process(COMMAND ${MXPATH_PYTHON} -B ${PROJECT_SOURCE_DIR}/tools/get_xgrammar.py ${folder}
        ${MXPATH_XGRAMMAR_SDIST} ERROR_VARIABLE why OUTPUT_QUIET ERROR_STRIP_TRAILING_WHITESPACE)
    endif()
  endif()
  if(EXISTS ${folder}/cpp)
    set(MXPATH_HAS_GRAMMAR 1 PARENT_SCOPE)
    set(XGRAMMAR_FOLDER ${folder} PARENT_SCOPE)
  elseif(MXPATH_GRAMMAR STREQUAL "AUTO")
    message(STATUS "built without JSON schemas for answers: xgrammar 0.2.9 could not be fetched (${why})")
  else()
    message(FATAL_ERROR "MXPATH_GRAMMAR is ON, and xgrammar 0.2.9 could not be fetched: ${why}")
  endif()
endfunction()

# An object library, so that its objects are in the archive that is installed, and with flags of its own: its warnings
# are not ours, and it is not where time is spent.
function(mxpath_add_xgrammar)
  file(GLOB sources ${XGRAMMAR_FOLDER}/cpp/*.cc ${XGRAMMAR_FOLDER}/cpp/support/*.cc
    ${XGRAMMAR_FOLDER}/cpp/converter_ext/*.cc)
  add_library(mxpath_xgrammar OBJECT ${sources})
  # cpp: src/grammar/xgrammar_loops.cpp looks into a grammar, for which the library has no other way.
  target_include_directories(mxpath_xgrammar SYSTEM PUBLIC ${XGRAMMAR_FOLDER}/include ${XGRAMMAR_FOLDER}/cpp
    ${XGRAMMAR_FOLDER}/3rdparty/dlpack/include ${XGRAMMAR_FOLDER}/3rdparty/picojson)
  # What it logs comes to src/grammar/xgrammar_body.cpp instead of standard error.
  target_compile_definitions(mxpath_xgrammar PUBLIC XGRAMMAR_ENABLE_CPPTRACE=0 XGRAMMAR_ENABLE_INTERNAL_CHECK=0
    XGRAMMAR_LOG_CUSTOMIZE=1)
  target_compile_options(mxpath_xgrammar PRIVATE -w -O1)
  if(MXPATH_SANITIZE)
    target_compile_options(mxpath_xgrammar PRIVATE -fsanitize=${MXPATH_SANITIZE} -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
  endif()
  set_target_properties(mxpath_xgrammar PROPERTIES CXX_STANDARD 17 POSITION_INDEPENDENT_CODE OFF)
endfunction()

mxpath_find_xgrammar()
if(MXPATH_HAS_GRAMMAR)
  mxpath_add_xgrammar()
endif()
