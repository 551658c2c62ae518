"""Print the libraries of ld.so.preload that the audit finds for a process: its folder of /proc."""

import os
import sys

from process_hardening.audit.injection import InjectionReader
from process_hardening.audit.program_files import ProgramOpener

reader = InjectionReader(ProgramOpener(os.open("/proc", os.O_RDONLY)), None)
print(reader.preload_file_of(os.open(sys.argv[1], os.O_RDONLY), (None, b"")))
