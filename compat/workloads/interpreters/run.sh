# Interpreters that are small programs: Lua, LuaJIT, Guile, Tcl.
set -eu
start lua5.4 -e 'print(arg[-1], #"text", io.popen("echo from a shell"):read())'
start luajit -e 'local s = 0 for i = 1, 1e6 do s = s + i end print(arg[-1], s, jit.status())'
start tclsh script.tcl
GUILE_AUTO_COMPILE=0 start guile -c '(display (list (car (command-line)) (apply + (iota 100)) (readlink "/proc/self/exe"))) (newline)'
start m4 -D 'x=6' -E - <<EOF
eval(x * 7)
EOF
start awk 'BEGIN { "echo from a shell" | getline line; print line, 6 * 7 }'
