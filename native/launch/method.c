/* The methods of starting a program hardened. Only trying a method shows whether it works. */
#define _GNU_SOURCE
#include "method.h"

#include "../core/hardening.h"
#include "../core/platform/linux_signals.h"
#include "../core/text.h"
#include "../exec/handover.h"
#include "place.h"
#include "stub/stub.h"

#include <errno.h>
#include <sys/wait.h>

const struct ph_method_name ph_method_names[PH_METHODS] = {
    {"execute-only by name", "execute-only: a stand-in under the program's own path"},
    {"execute-only in memory", "execute-only: a stand-in in memory"},
    {"a copy by name", "copy, under the program's own path"},
    {"a copy in memory", "copy in memory"},
    {"preload", "preload: a library hardens it before its main()"},
    {"the unreadable file", "none needed: its file is unreadable, so the kernel protects the"
                            " process, or refuses to start it if it is a script"},
};

/* The stub, filled in for the program, before it is written into the place. */
static char stub[PH_STUB_SIZE];

int ph_program_is_listed(const struct ph_program *program, const char *patterns)
{
    return ph_matches_any(patterns, program->name) ||
           (program->loaded && ph_matches_any(patterns, ph_basename(program->loaded)));
}

const char *ph_objection(enum ph_method method, const struct ph_program *program,
                         const char *no_library)
{
    char setting;

    if (method == PH_PRELOAD && program->elf.is_native && !program->elf.is_dynamic)
        return "it is statically linked";
    if (method == PH_PRELOAD && program->elf.is_native &&
        !ph_has_known_loader(program->fd, &program->elf))
        return "its dynamic loader is missing, or is unknown and might ignore LD_PRELOAD";
    if (method == PH_PRELOAD && ph_program_is_listed(program, PH_EXCEPTIONS))
        return "the preload library exempts this program: docs/harden.md, exceptions";
    if (method == PH_PRELOAD)
        return program->elf.is_native ? no_library
                                      : "it is for a different architecture than the preload"
                                        " library";
    if (PH_BIT(method) & PH_STAND_INS && !program->elf.is_native)
        return "it is for a different architecture than the stand-in";
    setting = ph_read_setting("/proc/sys/fs/suid_dumpable"); /* proc_sys_fs(5) */
    if (setting == '1')
        return "fs.suid_dumpable=1 makes unreadable programs dumpable: run `sysctl"
               " fs.suid_dumpable=0`";
    /* The stand-in sets its dumpable flag to 0, and so does our library if a copy loads it. */
    if (setting != '0' && !(PH_BIT(method) & PH_STAND_INS) &&
        (method == PH_UNREADABLE_FILE || no_library || ph_program_is_listed(program, PH_EXCEPTIONS)))
        return "fs.suid_dumpable is not 0, so a crash could hand its memory to a program in"
               " kernel.core_pattern: run `sysctl fs.suid_dumpable=0`";
    if (PH_BIT(method) & PH_IN_MEMORY && program->elf.needs_origin)
        return "it finds its libraries relative to its own file ($ORIGIN)";
    return NULL;
}

/* Fills in the stub for the program. Returns the stub's size, or 0 if it cannot be filled in. */
static size_t write_stub(const struct ph_program *program, int rehearse)
{
    static struct ph_stub_config config = {.mark = PH_STUB_MARK}; /* too large for a small stack */
    size_t place = 0;

    if (ph_stub_size > sizeof stub)
        return 0;
    for (size_t i = 0; i < ph_stub_size; i++)
        stub[i] = (char)ph_stub[i];
    while (place + sizeof config <= ph_stub_size && !ph_equal(stub + place, PH_STUB_MARK))
        place += _Alignof(struct ph_stub_config);
    if (place + sizeof config > ph_stub_size)
        return 0;
    config.program = program->identity;
    config.rehearse = (uint32_t)rehearse;
    ph_add(&(struct ph_text)PH_TEXT(config.path), program->real);
    ph_add(&(struct ph_text)PH_TEXT(config.name), program->name);
    for (size_t i = 0; i < sizeof config; i++)
        stub[place + i] = ((const char *)&config)[i];
    return ph_stub_size;
}

/* Executes an unreadable file. If it is a script, this has to fail: the process would not be
 * protected, because the file of its interpreter is readable. So the path is given relative to a
 * close-on-exec descriptor. The kernel refuses such a script with ENOENT, since its interpreter
 * could not open it: fs/binfmt_script.c, BINPRM_FLAGS_PATH_INACCESSIBLE. */
static long execute_unreadable(const struct ph_program *program, char *const *envp,
                               const char **call)
{
    const char *name = program->path, *start = *name == '/' ? "/" : ".";
    const long folder = PH_CALL(SYS_openat, AT_FDCWD, start, O_PATH | O_CLOEXEC);
    long error;

    *call = "openat";
    if (folder < 0)
        return folder;
    while (*name == '/')
        name++;
    *call = "execveat";
    error = PH_CALL(SYS_execveat, folder, name, program->argv, envp, 0);
    (void)PH_CALL(SYS_close, folder);
    return error;
}

/* Executes the stub in a child, where it stops before starting the program. If SIGCHLD is ignored,
 * the kernel discards the status of a child that has called exec. */
static long rehearse_stub(struct ph_place *place, char *const *argv, char *const *envp)
{
    long before[PH_ACTION] = {0};
    long pid;

    ph_reset_signal(SIGCHLD, before);
    pid = ph_fork(0, NULL);
    if (!pid) {
        const long error = ph_place_execute(place, argv, envp);

        ph_exit(error == -PH_EXIT_CANNOT ? EIO : (int)-error); /* only the stub may use that */
    }
    (void)ph_failed(place, "execveat", ph_wait_for_error(pid));
    (void)PH_CALL(SYS_rt_sigaction, SIGCHLD, before, 0, sizeof(uint64_t));
    return place->error;
}

long ph_execute(enum ph_method method, const struct ph_program *program, char *const *envp,
                int rehearse, const char **call)
{
    struct ph_contents contents = {program->real, NULL, 0, program->fd};
    struct ph_place place = {-1, "", "", 0};

    if (rehearse && (method == PH_PRELOAD || method == PH_UNREADABLE_FILE))
        return 0;
    if (method == PH_UNREADABLE_FILE)
        return execute_unreadable(program, envp, call);
    if (method == PH_PRELOAD) {
        *call = "execve";
        return PH_CALL(SYS_execve, program->path, program->argv, envp);
    }
    if (PH_BIT(method) & PH_STAND_INS) {
        contents.bytes = stub;
        contents.length = write_stub(program, rehearse);
        *call = "preparing the stand-in";
        if (!contents.length)
            return -EIO; /* ENOEXEC would blame the program */
    }
    (void)ph_place_make(&contents, !(PH_BIT(method) & PH_IN_MEMORY), &place);
    if (!place.error && !rehearse)
        (void)ph_place_execute(&place, program->argv, envp);
    else if (!place.error && contents.bytes) /* executing a copy would start the program */
        (void)rehearse_stub(&place, program->argv, envp);
    if (place.fd >= 0)
        (void)PH_CALL(SYS_close, place.fd);
    *call = place.call;
    return place.error;
}
