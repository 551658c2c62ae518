#include <sys/types.h>
#include <sys/wait.h>

#define PROC_TRACE_CTL 7
#define PROC_TRACE_STATUS 8
#define PROC_TRACE_CTL_DISABLE_EXEC 3
#define PROC_NO_NEW_PRIVS_CTL 19
#define PROC_NO_NEW_PRIVS_STATUS 20
#define PROC_NO_NEW_PRIVS_ENABLE 1
#define PROC_NO_NEW_PRIVS_DISABLE 2

#define procctl fake_procctl
int procctl(idtype_t type, id_t id, int command, void *data);
