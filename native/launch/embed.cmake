# Writes a C file that contains the bytes of programs:
# cmake -DOUTPUT=FILE -P embed.cmake NAME=PROGRAM...
# It does not use .incbin, because a compiler cache would not notice changes to the included file.
set(text "/* Made by embed.cmake. */\n#include \"stub/stub.h\"\n")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(number RANGE ${last})
  if(CMAKE_ARGV${number} MATCHES "^(ph_[a-z]+)=(.+)$")
    set(name ${CMAKE_MATCH_1})
    file(READ ${CMAKE_MATCH_2} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes ${bytes})
    string(APPEND text "const unsigned char ${name}[] = {${bytes}};\n"
                       "const size_t ${name}_size = sizeof ${name};\n")
  endif()
endforeach()
file(WRITE ${OUTPUT} "${text}")
