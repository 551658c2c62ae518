"""A build that starts a program."""

import subprocess
import sys
import zipfile
from pathlib import Path

INFO = "built-1.0.dist-info"


def build_wheel(folder, *_):
    """Build the wheel."""
    script = "print('VALUE =', 6 * 7)"
    module = subprocess.run([sys.executable, "-c", script], stdout=-1, text=True).stdout
    files = {
        "built.py": module,
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: built\nVersion: 1.0\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{INFO}/RECORD"])
    name = "built-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as archive:
        for path, text in {**files, f"{INFO}/RECORD": record}.items():
            archive.writestr(path, text)
    return name
