"""Harden this process, then do nothing."""

import time

import process_hardening

process_hardening.pre_main_hardening()
while True:
    time.sleep(1)
