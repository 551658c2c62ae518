"""Harden this process, then end at the end of standard input."""

import sys

import process_hardening

process_hardening.pre_main_hardening()
sys.stdin.read()
