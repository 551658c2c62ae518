# Opens the link /proc/self/exe itself.
start ./appimage link 2>&1
