"""What harden, confine, verify and audit do on kernels and settings other than this machine's.

    python -m tools.kernels [MACHINE ...]

machines.py boots Debian kernels under qemu with a small file system in memory; guest.py, starts.py
and zoo.py are what runs there, once for each row of configurations.py; judgement.py says what must
not come out, and report.py writes docs/kernels.md.
"""
