# The only table of instruction-set flags. A source file under src/kernels or src/machine named after a target gets that target's flags and
# nothing else does; tools/check_isa_objects proves that such an object exports no inline function that another file could pick up.

function(mxpath_isa target flags)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/*/${target}.cpp
    ${PROJECT_SOURCE_DIR}/src/machine/*/${target}.cpp)
  foreach(file IN LISTS files)
    set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    set_property(SOURCE ${file} APPEND PROPERTY COMPILE_OPTIONS ${flags})
  endforeach()
endfunction()

mxpath_isa(avx2 "-mavx2;-mfma;-mf16c")
mxpath_isa(avx512 "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx2;-mfma;-mf16c")
mxpath_isa(avx512_bf16 "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512bf16;-mavx2;-mfma;-mf16c")
