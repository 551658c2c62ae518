exec start /usr/bin/python3 -m test -v test_multiprocessing_fork
