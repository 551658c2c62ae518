# What a program can learn of itself, and starting itself by that.
use strict;
use warnings;
use IPC::Open3;
use Socket;
$| = 1;
print "$^X $0\n";
my $pid = open3(my $in, my $out, undef, $^X, '-ne', 'print uc; exit 3 if eof');
print $in "a line\n";
close $in;
print <$out>;
waitpid $pid, 0;
print 'exited with ', $? >> 8, "\n";
system $^X, '-e', 'print "system\n"';
print `$^X -e 'print "backticks"'`, "\n";
socketpair(my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die $!;
if (my $child = fork) { close $two; print <$one>; waitpid $child, 0 }
else { close $one; print $two "from a fork\n"; exit }
local $SIG{ALRM} = sub { print "alarm\n" };
alarm 1;
sleep 5;
exec $^X, '-e', 'print "exec\n"';
