"""A library that would start again whatever imports it."""

import process_hardening

process_hardening.pre_main_hardening(reexec=True)
