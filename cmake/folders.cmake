# One static library for each folder of src/, one test program for the *_test.cpp beside the code.

add_library(mxpath_options INTERFACE)
target_include_directories(mxpath_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
# No -march here: the program must start on any x86-64; cmake/isa_flags.cmake is the only place that raises it.
# -ffp-contract=off: the same arithmetic on every compiler; kernels ask for a fused multiply-add by name.
# MXPATH_QUICK_BUILD marks what takes longer to compile than it ever runs, tests and faces: -O0 in a debug build, -O1 in a release.
# All else is -O1 in a debug build. MXPATH_FUZZED marks what a fuzzer looks into.
target_compile_options(mxpath_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>;-ffp-contract=off;$<$<OR:$<AND:$<CONFIG:Debug>,$<NOT:$<BOOL:$<TARGET_PROPERTY:MXPATH_QUICK_BUILD>>>>,$<AND:$<CONFIG:Release>,$<BOOL:$<TARGET_PROPERTY:MXPATH_QUICK_BUILD>>>>:-O1>>")
if(MXPATH_WERROR)
  # gcc 12 takes inlined copies of std::string for too long (its bugs 105329 and 105651), and says so where its own
  # headers are read precompiled: these three stay warnings.
  set(wrong_in_gcc_12 -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread)
  target_compile_options(
    mxpath_options
    INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Werror;$<$<CXX_COMPILER_ID:GNU>:${wrong_in_gcc_12}>>")
endif()
if(MXPATH_SANITIZE)
  target_compile_options(mxpath_options INTERFACE -fsanitize=${MXPATH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(mxpath_options INTERFACE -fsanitize=${MXPATH_SANITIZE})
endif()
if(MXPATH_FUZZ)
  target_compile_options(mxpath_options INTERFACE $<$<BOOL:$<TARGET_PROPERTY:MXPATH_FUZZED>>:-fsanitize=fuzzer-no-link>)
endif()

if(MXPATH_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  enable_testing()
endif()

# mxpath_folder(NAME [QUICK] [FUZZED] [PRECOMPILED headers] USES targets...): src/NAME/**.cpp → mxpath_NAME,
# src/NAME/**_test.cpp → NAME_test
function(mxpath_folder name)
  cmake_parse_arguments(ARG "QUICK;FUZZED" "PRECOMPILED" "USES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  mxpath_cuda_sources(${name} sources tests)
  if(sources)
    add_library(mxpath_${name} STATIC ${sources})
    target_link_libraries(mxpath_${name} PUBLIC mxpath_options ${ARG_USES})
    set_target_properties(mxpath_${name} PROPERTIES MXPATH_QUICK_BUILD ${ARG_QUICK} MXPATH_FUZZED ${ARG_FUZZED})
    if(NOT ARG_PRECOMPILED)
      set(ARG_PRECOMPILED headers_of_folders)
      if(ARG_QUICK)
        set(ARG_PRECOMPILED headers_of_faces)
      elseif(ARG_FUZZED AND MXPATH_FUZZ)
        set(ARG_PRECOMPILED headers_of_fuzzed)
      endif()
    endif()
    mxpath_read_precompiled(mxpath_${name} ${ARG_PRECOMPILED})
  else()
    add_library(mxpath_${name} INTERFACE)
    target_link_libraries(mxpath_${name} INTERFACE mxpath_options ${ARG_USES})
  endif()
  if(MXPATH_TESTS AND tests)
    mxpath_test(${name}_test ${tests} USES mxpath_${name})
  endif()
endfunction()

# mxpath_test(NAME sources... USES targets...): a GoogleTest program; tests find tests/data through MXPATH_SOURCE_DIR
function(mxpath_test name)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_USES} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE MXPATH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES MXPATH_QUICK_BUILD ON)
  mxpath_read_precompiled(${name} headers_of_tests)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
endfunction()

function(mxpath_program name)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_USES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()
