<?php
// What a program can learn of itself, and starting itself by that.
echo PHP_BINARY, ' ', readlink('/proc/self/exe'), ' ', php_sapi_name(), "\n";
$child = proc_open([PHP_BINARY, '-r', 'echo strtoupper(fgets(STDIN)); exit(3);'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
fwrite($pipes[0], "a line\n");
fclose($pipes[0]);
echo stream_get_contents($pipes[1]), proc_close($child), "\n";
$pid = pcntl_fork();
if ($pid === 0) exit(4);
pcntl_waitpid($pid, $status);
echo 'fork exited with ', pcntl_wexitstatus($status), "\n";
pcntl_exec(PHP_BINARY, ['-r', 'echo "started again\n";']);
