set -eu
start cmake -S . -B build >log
start cmake --build build -j2 | grep -o 'Built target.*'
start ctest --test-dir build 2>/dev/null | grep -o '^100% tests passed.*'
start cmake -P script.cmake
start cmake -E sha256sum CMakeLists.txt | cut -c1-12
