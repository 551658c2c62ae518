"""A program that signs lines with a key from the desktop's keyring.

keyring set sign key
python sign.py
"""

import hmac
import os
import sys

import process_hardening as ph


def read_key() -> ph.SecretBuffer:
    """Fetch the key from the Secret Service, whatever keyringrc.cfg says."""
    import keyring
    from keyring.backends import SecretService

    keyring.set_keyring(SecretService.Keyring())
    password = keyring.get_password("sign", "key")
    if password is None:
        sys.exit("sign: no key: run `keyring set sign key`")
    return ph.SecretBuffer(password.encode())


def main() -> None:
    """Harden, then fetch the key."""
    ph.pre_main_hardening(reexec=True)
    with read_key() as key:
        print(os.getpid(), flush=True)
        for line in sys.stdin:
            print(hmac.digest(key, line.encode(), "sha256").hex(), flush=True)


if __name__ == "__main__":
    main()
