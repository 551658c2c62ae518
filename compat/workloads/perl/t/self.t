use Test::More tests => 2;
ok(-x $^X, 'perl is a program');
is(`$^X -e 'print 42'`, 42, 'perl starts itself');
