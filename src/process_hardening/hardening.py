"""Hardening this process: harden() and pre_main_hardening()."""

from process_hardening._native import Report, harden, pre_main_hardening

__all__ = ["Report", "harden", "pre_main_hardening"]
