"""The keeper as a program that hardens itself and needs no Python installation.

pyinstaller keeper.spec
python -m nuitka frozen.py
"""

# nuitka-project: --mode=standalone
# nuitka-project: --include-package=process_hardening
# nuitka-project: --include-package-data=process_hardening
# nuitka-project: --nofollow-import-to=process_hardening.audit
# nuitka-project: --nofollow-import-to=process_hardening.cli
# nuitka-project: --nofollow-import-to=process_hardening.pytest_plugin
# nuitka-project: --nofollow-import-to=process_hardening.tui
# nuitka-project: --nofollow-import-to=process_hardening.verify

import keeper

import process_hardening as ph

if __name__ == "__main__":
    ph.pre_main_hardening()
    keeper.main()
