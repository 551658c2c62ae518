"""Read the path of this program into a zeroed buffer; print whether its length is the text's."""

import ctypes

buffer = ctypes.create_string_buffer(100)
length = ctypes.CDLL(None).readlink(b"/proc/self/exe", buffer, 99)
print(length == len(buffer.value), buffer.value.decode())
