"""Start a program with a library alone, by a function of libc that makes the child itself.

Usage: spawn.py FUNCTION PROGRAM LIBRARY
"""

import os
import subprocess
import sys

function, program, os.environ["LD_PRELOAD"] = sys.argv[1:]
if function == "posix_spawn":
    os.waitpid(os.posix_spawn(program, [program], os.environ), 0)
elif function == "system":
    os.system(program)  # noqa: S605 -- it is one of the functions
elif function == "subprocess":
    subprocess.run([program], close_fds=False, check=False)
