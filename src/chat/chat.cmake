# The assembler reads the vocabulary through .incbin, which no compiler reports as a dependency.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/chat/vocabulary_data.cpp PROPERTIES
  OBJECT_DEPENDS ${PROJECT_SOURCE_DIR}/src/chat/data/o200k_base.bin)
