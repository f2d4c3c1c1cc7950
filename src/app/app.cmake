# Where programs find what ships with mxpath: as installed, or the source of a build that was not, and which version it is.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/app/dirs.cpp PROPERTIES COMPILE_DEFINITIONS
  "MXPATH_SHARED_DIR=\"${CMAKE_INSTALL_FULL_DATADIR}/mxpath\";MXPATH_SOURCE_TREE=\"${PROJECT_SOURCE_DIR}\";MXPATH_VERSION=\"${PROJECT_VERSION}\"")
