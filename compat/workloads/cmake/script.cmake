# CMAKE_COMMAND is what the program believes to be its own path.
execute_process(COMMAND ${CMAKE_COMMAND} -E echo again OUTPUT_VARIABLE text)
message("${CMAKE_COMMAND} ${text}")
