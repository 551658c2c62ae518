"""Print the seconds that import and call take, the call alone, and a second call."""

import time

start = time.perf_counter()
import process_hardening  # noqa: E402 (its import is a part of what is measured)

called = time.perf_counter()
process_hardening.pre_main_hardening()
end = time.perf_counter()
process_hardening.pre_main_hardening()
print(end - start, end - called, time.perf_counter() - end)
