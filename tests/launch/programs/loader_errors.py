"""Print whether an error of dlopen(3) is still there after a call of realpath(3)."""

import ctypes

libc = ctypes.CDLL(None)
realpath, dlopen, dlerror = libc.realpath, libc.dlopen, libc.dlerror
dlerror.restype = ctypes.c_char_p
path = ctypes.create_string_buffer(4096)
realpath(b"/tmp", path)
dlopen(b"/nonexistent.so", 2)
realpath(b"/tmp", path)
print(dlerror() is not None)
