"""Django's command line, hardened.

python manage.py runserver
"""

import os
import sys

import process_hardening as ph


def main() -> None:
    """Harden before Django reads the settings."""
    ph.pre_main_hardening(reexec=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
