# Kernels, the CPU's probe and the measuring of memory are x86-64 code, and no other exists. Said here in a sentence, before a compiler says it
# in a thousand.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|x64)$")
  message(FATAL_ERROR "mxpath is built for x86-64 only, and this build is for ${CMAKE_SYSTEM_PROCESSOR}; build it on an x86-64 computer.")
endif()
if(NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
  message(FATAL_ERROR "mxpath is built for x86-64 only, and this compiler makes code of ${CMAKE_SIZEOF_VOID_P} bytes an address; build it with a 64-bit compiler.")
endif()
