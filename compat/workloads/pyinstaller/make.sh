set -eu
python -m PyInstaller --log-level ERROR --onefile --name onefile --distpath dist --workpath work --specpath work application.py
python -m PyInstaller --log-level ERROR --onedir --name onedir --distpath dist --workpath work --specpath work application.py
rm -rf work .cache
