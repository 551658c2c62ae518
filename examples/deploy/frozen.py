"""The keeper as one program without a Python installation, which hardens itself: keeper.spec."""

import keeper

import process_hardening as ph

if __name__ == "__main__":
    ph.pre_main_hardening()
    keeper.main()
