"""Harden, start a worker by the method in the argument, and print whether it is inspectable."""

import multiprocessing
import sys

import process_hardening as ph


def is_inspectable(_: None) -> "bool | None":
    """Whether this worker is."""
    return ph.status().inspectable


if __name__ == "__main__":
    ph.pre_main_hardening()
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.map(is_inspectable, [None]))
