# CUDA where nvcc and a GPU are found: which architectures each family of kernels is compiled for. The only table of
# them. A .cu file belongs to the family that its name begins with (sm90a_decode.cu); all others are portable.
#   portable   PTX of compute_75, which any later card's driver can compile, and machine code for the two most common
#   kinds
#   sm80       from Ampere on: asynchronous copies and mma.sync in BF16
#   sm90       from Hopper on: clusters, bulk copies
#   sm90a      Hopper alone: wgmma
set(MXPATH_CUDA_PORTABLE "75-virtual;80-real;90-real" CACHE STRING "architectures of the portable CUDA kernels")
set(MXPATH_CUDA_FAMILIES sm80 sm90 sm90a)
set(MXPATH_CUDA_ARCHS_sm80 "80-virtual;80-real")
set(MXPATH_CUDA_ARCHS_sm90 "90-virtual;90-real")
set(MXPATH_CUDA_ARCHS_sm90a "90a-real")

# Kernels for GPUs take longer to compile than all else: a computer without one compiles none unless asked.
set(MXPATH_CUDA AUTO CACHE STRING "CUDA kernels: AUTO (where nvcc and a GPU are found), ON or OFF")
set_property(CACHE MXPATH_CUDA PROPERTY STRINGS AUTO ON OFF)

set(MXPATH_HAS_CUDA 0)
set(MXPATH_CUDA_DRIVER 13000)  # the least driver API version of a toolkit of today
if(NOT MXPATH_CUDA STREQUAL "OFF" AND NOT MXPATH_SANITIZE)
  find_program(MXPATH_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
  # What the driver makes; the last is that of Windows' Linux.
  set(has_gpu FALSE)
  foreach(sign /dev/nvidiactl /proc/driver/nvidia/version /dev/dxg)
    if(EXISTS ${sign})
      set(has_gpu TRUE)
    endif()
  endforeach()
  if(MXPATH_NVCC AND MXPATH_CUDA STREQUAL "AUTO" AND NOT has_gpu)
    message(STATUS "CUDA: nvcc is here, but no GPU; -DMXPATH_CUDA=ON compiles for GPUs all the same")
  elseif(MXPATH_NVCC)
    set(CMAKE_CUDA_COMPILER ${MXPATH_NVCC})
    set(CMAKE_CUDA_ARCHITECTURES ${MXPATH_CUDA_PORTABLE})
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    if(CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
    endif()
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 of Debian 12 does not know that nvcc has it
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_EXTENSIONS OFF)
    find_package(CUDAToolkit REQUIRED)
    set(MXPATH_HAS_CUDA 1)
    set(MXPATH_CUDA_DRIVER ${CUDAToolkit_VERSION_MAJOR}000)
    message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION}: kernels for ${MXPATH_CUDA_PORTABLE}")
  elseif(MXPATH_CUDA STREQUAL "ON")
    message(FATAL_ERROR "MXPATH_CUDA=ON, but nvcc was found neither on the PATH nor in $CUDA_HOME/bin; "
                        "install the CUDA toolkit or use -DMXPATH_CUDA=AUTO")
  endif()
endif()

# mxpath_cuda_family(FOLDER FAMILY ARCHS FILES SOURCES): one object library for each set of architectures; its objects
# go to the list
macro(mxpath_cuda_family folder family archs files out_objects)
  if(NOT "${files}" STREQUAL "")
    add_library(mxpath_${folder}_cuda_${family} OBJECT ${files})
    set_target_properties(mxpath_${folder}_cuda_${family} PROPERTIES CUDA_ARCHITECTURES "${archs}")
    target_link_libraries(mxpath_${folder}_cuda_${family} PRIVATE mxpath_options ${ARG_USES})
    list(APPEND ${out_objects} $<TARGET_OBJECTS:mxpath_${folder}_cuda_${family}>)
  endif()
endmacro()

# mxpath_cuda_sources(FOLDER SOURCES TESTS): adds the folder's .cu files to the lists, and leaves out either its
# no_cuda.cpp or the files that need CUDA
function(mxpath_cuda_sources name out out_tests)
  file(GLOB_RECURSE kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cu)
  set(kernel_tests ${kernels})
  list(FILTER kernels EXCLUDE REGEX "_test\\.cu$")
  list(FILTER kernel_tests INCLUDE REGEX "_test\\.cu$")
  set(sources ${${out}})
  if(MXPATH_HAS_CUDA)
    list(FILTER sources EXCLUDE REGEX "/no_cuda\\.cpp$")
    foreach(family IN LISTS MXPATH_CUDA_FAMILIES)
      set(of_family ${kernels})
      list(FILTER of_family INCLUDE REGEX "/${family}_[^/]*\\.cu$")
      list(FILTER kernels EXCLUDE REGEX "/${family}_[^/]*\\.cu$")
      mxpath_cuda_family(${name} ${family} "${MXPATH_CUDA_ARCHS_${family}}" "${of_family}" sources)
    endforeach()
    mxpath_cuda_family(${name} portable "${MXPATH_CUDA_PORTABLE}" "${kernels}" sources)
    set(${out_tests} ${${out_tests}} ${kernel_tests} PARENT_SCOPE)
  else()
    list(FILTER sources EXCLUDE REGEX "/(probe_)?cuda\\.cpp$")
  endif()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# Defines MXPATH_NVCC for one file: "13, 0, 88", or "0, 0, 0" where nothing was compiled by nvcc. Known issues depend
# on it.
function(mxpath_tell_nvcc_version file)
  set(version "0, 0, 0")
  if(MXPATH_HAS_CUDA AND CMAKE_CUDA_COMPILER_VERSION MATCHES "^([0-9]+)\\.([0-9]+)\\.([0-9]+)")
    set(version "${CMAKE_MATCH_1}, ${CMAKE_MATCH_2}, ${CMAKE_MATCH_3}")
  endif()
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/${file} APPEND PROPERTY COMPILE_DEFINITIONS "MXPATH_NVCC=${version}")
endfunction()
