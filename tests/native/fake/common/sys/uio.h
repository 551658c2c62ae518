#include_next <sys/uio.h>

#define writev fake_writev
ssize_t writev(int fd, const struct iovec *parts, int parts_count);
