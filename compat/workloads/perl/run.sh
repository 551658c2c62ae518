set -eu
start perl self.pl
start perl -MFile::Temp=tempfile -e '($f, $n) = tempfile(UNLINK => 1); print $f "text"; close $f; print -s $n, "\n"'
start prove -v t 2>&1 | grep -v '^Files='
printf 'b\na\n' | start perl -ne 'push @l, $_; END { print sort @l }'
