/* The ways to start a program hardened, each tried by doing it. */
#define _GNU_SOURCE
#include "method.h"

#include "../core/hardening.h"
#include "../core/text.h"
#include "../preload/exceptions.h"
#include "stub/stub.h"

#include <errno.h>
#include <sys/wait.h>

const struct ph_method_name ph_method_names[PH_METHODS] = {
    {"execute-only by name", "execute-only: a stand-in under the program's own path"},
    {"execute-only in memory", "execute-only: a stand-in in memory"},
    {"a copy by name", "copy, under the program's own path"},
    {"a copy in memory", "copy in memory"},
    {"preload", "preload: a library hardens it before its main()"},
    {"unreadable", "none needed: its file is unreadable, so the kernel protects the process, or"
                   " refuses a script"},
};

/* The stub, as it is written into the place. */
static _Alignas(16) char stub[PH_STUB_SIZE];

const char *ph_objection(enum ph_method method, const struct ph_program *program,
                         const char *no_library)
{
    if (method == PH_PRELOAD && program->is_native && !program->has_interpreter)
        return "it is statically linked";
    if (method == PH_PRELOAD && program->is_native && !program->has_known_loader)
        return "its dynamic loader is missing, or unknown and could ignore LD_PRELOAD";
    if (method == PH_PRELOAD && ph_lists(PH_EXCEPTIONS, program->name))
        return "our library leaves this program alone: docs/harden.md, exceptions";
    if (method == PH_PRELOAD)
        return program->is_native ? no_library : "it is for another architecture than our library";
    if (PH_BIT(method) & PH_STAND_INS && !program->is_native)
        return "it is for another architecture than the stand-in";
    if (ph_read_setting("/proc/sys/fs/suid_dumpable") == '1') /* proc_sys_fs(5) */
        return "fs.suid_dumpable=1 makes unreadable programs dumpable: sysctl fs.suid_dumpable=0";
    if ((method == PH_STAND_IN_IN_MEMORY || method == PH_COPY_IN_MEMORY) && program->needs_origin)
        return "it finds its libraries relative to its own file ($ORIGIN)";
    return NULL;
}

/* Fills in the stub for the program. Returns its size, or 0 if that is impossible. */
static size_t write_stub(const struct ph_program *program, int rehearse)
{
    struct ph_stub_config *config = NULL;

    if (ph_stub_size > sizeof stub)
        return 0;
    for (size_t i = 0; i < ph_stub_size; i++)
        stub[i] = (char)ph_stub[i];
    for (size_t i = 0; !config && i + sizeof *config <= ph_stub_size;
         i += _Alignof(struct ph_stub_config))
        if (ph_equal(stub + i, PH_STUB_MARK))
            config = (struct ph_stub_config *)(void *)(stub + i);
    if (!config)
        return 0;
    config->program = program->identity;
    config->rehearse = (uint32_t)rehearse;
    ph_add(&(struct ph_text)PH_TEXT(config->path), program->real);
    ph_add(&(struct ph_text)PH_TEXT(config->name), program->name);
    return ph_stub_size;
}

/* Executes an unreadable file, unless it is a script: the kernel would look at its interpreter, and
 * that can be read. Below a descriptor that exec closes it refuses scripts with ENOENT, since their
 * interpreter could not open them: fs/binfmt_script.c, BINPRM_FLAGS_PATH_INACCESSIBLE. */
static long execute_unreadable(const struct ph_program *program, char *const *envp,
                               struct ph_place *place)
{
    const char *name = program->path;
    const long folder = ph_syscall(SYS_openat, AT_FDCWD, (long)(*name == '/' ? "/" : "."),
                                   O_PATH | O_CLOEXEC, 0, 0);
    long error;

    if (folder < 0)
        return ph_place_failed(place, "openat", folder);
    while (*name == '/')
        name++;
    error = ph_syscall(SYS_execveat, folder, (long)name, (long)program->argv, (long)envp, 0);
    (void)ph_syscall(SYS_close, folder, 0, 0, 0, 0);
    return ph_place_failed(place, "execveat", error);
}

long ph_execute(enum ph_method method, const struct ph_program *program, char *const *envp,
                int rehearse, struct ph_place *place)
{
    struct ph_contents contents = {program->real, NULL, 0, program->fd};
    long error, pid, status;

    if (rehearse && (method == PH_PRELOAD || method == PH_UNREADABLE_FILE))
        return 0;
    if (method == PH_UNREADABLE_FILE)
        return execute_unreadable(program, envp, place);
    if (method == PH_PRELOAD)
        return ph_place_failed(place, "execve",
                               ph_syscall(SYS_execve, (long)program->path, (long)program->argv,
                                          (long)envp, 0, 0));
    if (PH_BIT(method) & PH_STAND_INS) {
        contents.bytes = stub;
        contents.length = write_stub(program, rehearse);
        if (!contents.length)
            return ph_place_failed(place, "preparing the stand-in", -ENOEXEC);
    }
    error = ph_place_make(&contents, method == PH_STAND_IN_BY_NAME || method == PH_COPY_BY_NAME,
                          place);
    if (error || !rehearse)
        return error ? error : ph_place_execute(place, program->argv, envp);
    if (!contents.bytes)
        return 0; /* executing a copy would start the program */
    pid = ph_fork(0, NULL);
    if (!pid) {
        error = ph_place_execute(place, program->argv, envp);
        ph_exit(error == -PH_EXIT_CANNOT ? EIO : (int)-error); /* that status is the stub's own */
    }
    status = pid < 0 ? pid : ph_wait(pid);
    place->call = "execveat";
    if (status < 0)
        return status;
    return WIFEXITED((int)status) ? -WEXITSTATUS((int)status) : -EINTR;
}
