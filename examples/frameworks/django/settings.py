"""The settings of a site of one page."""

import os
from pathlib import Path

SECRET_KEY = Path(os.environ["SECRET_FILE"]).read_text()
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "urls"
