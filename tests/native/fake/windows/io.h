#define _write fake_write
int _write(int fd, const void *bytes, unsigned length);
