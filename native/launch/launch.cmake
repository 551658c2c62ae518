# The command `harden` and the two programs that it carries along. None of them has a libc: they
# are ready at once, and no library can be loaded into them.
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

# Position-independent: a program with fixed addresses must find them free.
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

# Fixed addresses: nothing would relocate it.
function(add_launcher name)
  add_executable(${name} ${launch}/${name}.c ${launch}/program.c ${launch}/stub/entry.c ${core} ${ARGN})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_include_directories(${name} PRIVATE ${launch})
  target_compile_options(${name} PRIVATE ${freestanding} -fno-pie)
  target_link_options(${name} PRIVATE ${without_libc} -static -no-pie)
  if(NOT PROCESS_HARDENING_TESTS)
    install(PROGRAMS $<TARGET_FILE:${name}> DESTINATION ${SKBUILD_SCRIPTS_DIR})
  endif()
endfunction()
add_launcher(harden ${launch}/place.c ${image} ${blobs})
add_launcher(confine ${launch}/domain.c)
