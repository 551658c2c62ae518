# The command `harden` and the two programs that it carries along. None of them has a libc: they
# are ready at once, and no library can be loaded into them.
if(NOT system STREQUAL "linux")
  return()
endif()

set(launch ${CMAKE_CURRENT_LIST_DIR})
set(freestanding -ffreestanding -fno-builtin -fno-stack-protector -fno-unwind-tables
                 -fno-asynchronous-unwind-tables)
set(without_libc -nostdlib -nostartfiles -Wl,-z,noseparate-code -Wl,--build-id=none -s)

# Position-independent: a program with fixed addresses must find them free.
foreach(program IN ITEMS load namespace)
  add_executable(launch_${program} ${launch}/stub/${program}.c ${launch}/stub/entry.c)
  set_target_properties(
    launch_${program} PROPERTIES OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY
                                                        ${CMAKE_CURRENT_BINARY_DIR}/launch)
  target_compile_options(launch_${program} PRIVATE ${freestanding} -fPIE)
  target_link_options(launch_${program} PRIVATE ${without_libc} -static-pie
                      -Wl,--no-dynamic-linker -Wl,-z,norelro)
endforeach()

# Fixed addresses: nothing would relocate it.
add_executable(harden ${launch}/harden.c ${launch}/program.c ${launch}/place.c ${launch}/blobs.c
                      ${launch}/stub/entry.c ${core})
set_target_properties(harden PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(harden PRIVATE ${freestanding} -fno-pie)
target_link_options(harden PRIVATE ${without_libc} -static -no-pie)
target_compile_definitions(
  harden PRIVATE PH_STUB_FILE="${CMAKE_CURRENT_BINARY_DIR}/launch/load"
                 PH_NAMESPACE_FILE="${CMAKE_CURRENT_BINARY_DIR}/launch/namespace")
add_dependencies(harden launch_load launch_namespace)
set_property(
  SOURCE ${launch}/blobs.c
  APPEND
  PROPERTY OBJECT_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/launch/load
           ${CMAKE_CURRENT_BINARY_DIR}/launch/namespace)

if(NOT PROCESS_HARDENING_TESTS)
  install(
    PROGRAMS $<TARGET_FILE:harden>
    DESTINATION ${SKBUILD_SCRIPTS_DIR})
endif()
