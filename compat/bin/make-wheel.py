"""Write a wheel with a module and an entry point."""

import zipfile

INFO = "greeter-1.0.dist-info"
FILES = {
    "greeter.py": "import sys\ndef main():\n    print('hello', *sys.argv[1:], sys.prefix)\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\ngreeter = greeter:main\n",
}
RECORD = "".join(f"{name},,\n" for name in [*FILES, f"{INFO}/RECORD"])
with zipfile.ZipFile("greeter-1.0-py3-none-any.whl", "w") as archive:
    for name, text in {**FILES, f"{INFO}/RECORD": RECORD}.items():
        archive.writestr(name, text)
