"""The settings of a one-page site."""

import os
from pathlib import Path

SECRET_KEY = Path(os.environ["SECRET_FILE"]).read_text()
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "urls"
