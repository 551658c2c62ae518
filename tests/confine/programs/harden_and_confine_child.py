"""Harden this process, start a confined child, and print its status and this process's own."""

import process_hardening as ph

ph.pre_main_hardening()
print(ph.popen_confined(["sh", "-c", "exit 7"]).wait())
with open("/proc/self/status") as file:
    print(file.read())
