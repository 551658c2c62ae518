"""Harden this process, say so, then do nothing."""

import time

import process_hardening

process_hardening.pre_main_hardening()
print("hardened", flush=True)
while True:
    time.sleep(1)
