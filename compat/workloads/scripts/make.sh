set -eu
python3 ../bin/make-wheel.py
python3 -m venv venv
venv/bin/pip install -q --no-index --find-links . greeter
python3 -m venv 'with blank'
'with blank/bin/pip' install -q --no-index --find-links . greeter
