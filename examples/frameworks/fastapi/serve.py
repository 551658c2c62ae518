"""Start the application with its own workers.

python serve.py
"""

import os

import process_hardening as ph


def main() -> None:
    """Harden this process and the workers that it starts."""
    ph.pre_main_hardening(ph.Policy(children="harden"), reexec=True)
    import uvicorn

    uvicorn.run("app:app", port=int(os.environ.get("PORT", "8000")), workers=2)


if __name__ == "__main__":
    main()
