# The command `harden` and the two programs embedded in it. None of them has a libc, so they start
# fast and no library can be loaded into them.
if(NOT system STREQUAL "linux")
  return()
endif()

set(launch ${CMAKE_CURRENT_LIST_DIR})
set(freestanding -ffreestanding -fno-builtin -fno-stack-protector -fno-unwind-tables
                 -fno-asynchronous-unwind-tables)
set(without_libc -nostdlib -nostartfiles -Wl,--build-id=none -s)
include(CheckLinkerFlag)
check_linker_flag(C -Wl,-z,noseparate-code can_join_segments) # zig's linker cannot
if(can_join_segments)
  list(APPEND without_libc -Wl,-z,noseparate-code)
endif()

# These are position-independent, because a program with fixed addresses needs its addresses to be free.
foreach(program IN ITEMS load namespace)
  add_executable(launch_${program} ${launch}/stub/${program}.c ${launch}/stub/entry.c)
  set_target_properties(
    launch_${program} PROPERTIES OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY
                                                        ${CMAKE_CURRENT_BINARY_DIR}/launch)
  target_compile_options(launch_${program} PRIVATE ${freestanding} -fPIE)
  target_link_options(launch_${program} PRIVATE ${without_libc} -pie
                      -Wl,--no-dynamic-linker -Wl,-z,norelro)
endforeach()

set(blobs ${CMAKE_CURRENT_BINARY_DIR}/launch/blobs.c)
add_custom_command(
  OUTPUT ${blobs}
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${blobs} -P ${launch}/embed.cmake
          ph_stub=$<TARGET_FILE:launch_load> ph_namespace=$<TARGET_FILE:launch_namespace>
  DEPENDS launch_load launch_namespace ${launch}/embed.cmake
  VERBATIM)

# The names from variables.py, for launch.c.
set(table ${CMAKE_CURRENT_SOURCE_DIR}/src/process_hardening/variables.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
file(READ ${table} tables)
set(search_paths "")
set(strict_variables "")
foreach(system_or_strict IN ITEMS _LINUX STRICT_VARIABLES)
  string(REGEX MATCH "\n${system_or_strict} = {([^}]*)" rows "${tables}")
  string(REGEX REPLACE "\"[A-Z0-9_*]+\": [A-Z_]+,|[ \n]" "" unknown "${CMAKE_MATCH_1}")
  if(NOT unknown STREQUAL "" OR rows STREQUAL "")
    message(FATAL_ERROR "${table}: cannot read in ${system_or_strict}: ${unknown}")
  endif()
  string(REGEX MATCHALL "\"[A-Z0-9_*]+\": [A-Z_]+" rows "${rows}")
  foreach(row IN LISTS rows)
    string(REGEX MATCH "\"([^\"]+)\": (.*)" row "${row}")
    set(name ${CMAKE_MATCH_1})
    if(system_or_strict STREQUAL "STRICT_VARIABLES")
      string(APPEND strict_variables "    \"${name}\",\n")
    endif()
    if(CMAKE_MATCH_2 STREQUAL "SEARCH_PATH")
      string(APPEND search_paths "    \"${name}\",\n")
      if(name MATCHES "^LD_(.*)")
        string(APPEND search_paths "    \"LD_32_${CMAKE_MATCH_1}\",\n    \"LD_64_${CMAKE_MATCH_1}\",\n")
      endif()
    endif()
  endforeach()
endforeach()
file(CONFIGURE OUTPUT launch/variables.h CONTENT "/* Made by launch.cmake of variables.py. */
static const char *const search_paths[] = {
@search_paths@    NULL};
static const char *const strict_variables[] = {
@strict_variables@    NULL};
" @ONLY)

# Shared by the command `harden` and the Python extension.
set(launcher_sources
    ${launch}/launch.c ${launch}/options.c ${launch}/library.c ${launch}/explain.c ${launch}/output.c
    ${launch}/method.c ${launch}/program.c ${launch}/place.c ${launch}/image.c ${blobs} ${exec})
set(launcher_headers ${launch} ${CMAKE_CURRENT_BINARY_DIR}/launch)

# Fixed addresses, because without a libc nothing would relocate the code.
function(set_launcher_options name)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_include_directories(${name} PRIVATE ${launcher_headers})
  target_compile_options(${name} PRIVATE ${freestanding} -fno-pie)
endfunction()
function(add_launcher name)
  add_executable(${name} ${launch}/${name}.c ${ARGN} $<TARGET_OBJECTS:launcher_core>)
  set_launcher_options(${name})
  target_compile_definitions(${name} PRIVATE PH_VERSION="${SKBUILD_PROJECT_VERSION}")
  target_link_options(${name} PRIVATE ${without_libc} -static -no-pie)
  if(NOT PROCESS_HARDENING_TESTS)
    install(PROGRAMS $<TARGET_FILE:${name}> DESTINATION ${SKBUILD_SCRIPTS_DIR})
  endif()
endfunction()
# Shared by both commands.
set(shared ${launch}/program.c ${launch}/output.c ${launch}/options.c ${exec})
add_library(launcher_core OBJECT ${core} ${launch}/stub/entry.c ${launch}/confinement.c
                                 ${launch}/domain.c ${shared})
set_launcher_options(launcher_core)
set(only_harden ${launcher_sources})
list(REMOVE_ITEM only_harden ${shared})
add_launcher(harden ${only_harden})
add_launcher(confine)
