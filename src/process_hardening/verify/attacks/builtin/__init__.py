"""Attacks that need nothing but the kernel: system calls through ctypes and os."""
