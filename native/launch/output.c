/* What the commands print. */
#include "output.h"

#include "../core/platform/linux_signals.h"
#include "../exec/linux_file.h"
#include "program.h"

#include <errno.h>

#define MOST_SHOWN 512 /* how many bytes of a name a message shows */
#define LABEL_WIDTH 18

void (*ph_complaint)(const char *line) = ph_warn;

int ph_complain(int status, const char *who, const char *what)
{
    char name[MOST_SHOWN], line[PH_PATH + 512];
    struct ph_text shown = PH_TEXT(name), text = PH_TEXT(line);

    ph_add(&shown, *who ? "" : "''");
    for (; *who && *who != '=' && !shown.cut; who++)
        ph_add_printable(&shown, (const char[]){*who, '\0'});
    ph_add(&text, "process-hardening: ");
    ph_add(&text, name);
    ph_add(&text, shown.cut ? "..." : *who ? "=..." : "");
    ph_add(&text, ": ");
    ph_add_printable(&text, what);
    (status ? ph_complaint : ph_warn)(line);
    return status;
}

const char *ph_call_failed(const char *call, long error)
{
    static char description[PH_MESSAGE_SIZE];
    const struct ph_failure failure = {
        .reason = PH_CALL_FAILED, .error = (int)-error, .call = call};

    ph_describe(&failure, description, sizeof description);
    return description;
}

const char *ph_explain_format(const struct ph_program *program)
{
    if (program->fd < 0) /* unreadable */
        return "the kernel cannot run it: an unreadable file that is a script without a #! line, is"
               " damaged or is built for another architecture";
    return program->elf.is_native ? "damaged ELF file: the kernel cannot run it"
                                  : "built for another architecture";
}

static int print(const char *text, size_t length)
{
    const long written = ph_write_output(1, text, length);

    if (written == (long)length || written == -EPIPE) /* the reader of a pipe may exit early */
        return 0;
    return ph_complain(PH_EXIT_USAGE, "standard output",
                       ph_call_failed("writing", written < 0 ? written : -EIO));
}

int (*ph_print)(const char *text, size_t length) = print;

void ph_add_fact(struct ph_text *text, const char *label, const char *value, const char *more)
{
    const size_t start = text->length;

    ph_add(text, label);
    ph_add(text, ":");
    while (text->length < start + LABEL_WIDTH && !text->cut)
        ph_add(text, " ");
    ph_add_printable(text, value);
    ph_add(text, more);
}
