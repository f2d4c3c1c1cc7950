# `cmake --install`: the program, the demo model, the public headers, and the library as one static archive that find_package(mxpath) and
# `pkg-config mxpath` know. The folders are libraries of the build only: their number is nobody else's business.
include(CMakePackageConfigHelpers)

# What the archive needs at link time. Its headers need the standard library alone.
set(MXPATH_LIBRARIES fmt::fmt PkgConfig::PCRE2 PkgConfig::XXHASH ZLIB::ZLIB Threads::Threads)
set(MXPATH_PC_LIBRARIES "-lstdc++ -lm -lpthread")
if(MXPATH_HAS_CUDA)
  list(APPEND MXPATH_LIBRARIES CUDA::cudart_static)
  string(APPEND MXPATH_PC_LIBRARIES " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -ldl -lrt")
endif()

add_library(mxpath_library STATIC)
add_library(mxpath::mxpath ALIAS mxpath_library)
set_target_properties(mxpath_library PROPERTIES OUTPUT_NAME mxpath EXPORT_NAME mxpath LINKER_LANGUAGE CXX)
target_include_directories(mxpath_library INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_features(mxpath_library INTERFACE cxx_std_20)
target_link_libraries(mxpath_library PRIVATE ${MXPATH_LIBRARIES})
# The objects of every folder but the command line's, those compiled by nvcc included.
get_property(targets DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY BUILDSYSTEM_TARGETS)
foreach(target IN LISTS targets)
  get_target_property(type ${target} TYPE)
  if(target MATCHES "^mxpath_" AND NOT target MATCHES "^mxpath_(cli|library)$" AND type MATCHES "^(STATIC|OBJECT)_LIBRARY$")
    target_sources(mxpath_library PRIVATE $<TARGET_OBJECTS:${target}>)
  endif()
endforeach()

install(TARGETS mxpath RUNTIME)
install(TARGETS mxpath_library EXPORT mxpath ARCHIVE)
install(DIRECTORY include/mxpath DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/mxpath)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/mxpath)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mxpath)
install(EXPORT mxpath NAMESPACE mxpath:: FILE mxpath-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/mxpath-config.cmake.in ${PROJECT_BINARY_DIR}/mxpath-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mxpath-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mxpath-config.cmake ${PROJECT_BINARY_DIR}/mxpath-config-version.cmake DESTINATION ${package_dir})

configure_file(cmake/mxpath.pc.in ${PROJECT_BINARY_DIR}/mxpath.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mxpath.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
