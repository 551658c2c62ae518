#include_next <unistd.h>

#define environ fake_environ
#define issetugid fake_issetugid
int issetugid(void);
