"""Hold SECRET of test_own_program.py, made at run time: it is in memory and not in this file."""

import time

secret = "sk-live-" + "".join(map(str, range(10))) + bytes(range(97, 107)).decode()
while True:
    time.sleep(1)
