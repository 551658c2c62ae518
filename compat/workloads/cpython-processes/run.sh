exec start /usr/bin/python3 -m test -v test_os test_posix test_signal test_threading test_faulthandler
