# Where a program that was not installed finds what ships with the source, and which version it is.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/app/dirs.cpp PROPERTIES COMPILE_DEFINITIONS
  "MXPATH_SOURCE_TREE=\"${PROJECT_SOURCE_DIR}\";MXPATH_VERSION=\"${PROJECT_VERSION}\"")
