# One test program for each system other than Linux: its platform file and the
# portable core against a fake of that system, compiled and run on Linux.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()

set(fake ${CMAKE_CURRENT_LIST_DIR}/fake)

foreach(fake_system IN ITEMS macos freebsd openbsd netbsd windows)
  set(test test_platform_${fake_system})
  add_executable(
    ${test}
    ${CMAKE_CURRENT_LIST_DIR}/test_platforms.c
    ${CMAKE_CURRENT_LIST_DIR}/headers/${fake_system}.c
    ${fake}/fake.c
    ${fake}/${fake_system}/kernel.c
    $<TARGET_OBJECTS:portable_core>
    ${native}/core/platform/${fake_system}.c
    $<$<NOT:$<STREQUAL:${fake_system},windows>>:${native}/core/platform/posix.c>)
  # The fake headers hide those of this machine, so they come first.
  target_include_directories(
    ${test} BEFORE PRIVATE ${fake}/${fake_system} ${fake}/common ${fake}
                           ${CMAKE_CURRENT_LIST_DIR} ${native}/core ${native})
  target_compile_definitions(${test} PRIVATE _GNU_SOURCE)
  add_test(NAME platform_${fake_system} COMMAND ${test})
endforeach()
