"""Try to confine this process while a thread runs; print the error, and the process's status."""

import threading

import process_hardening as ph

threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    ph.confine()
except ph.ConfinementError as error:
    print("refused", error.exit_code, error)
with open("/proc/self/status") as file:
    print(file.read())
