/* Gives every file of some folders to a target, once: what libFuzzer does, for `make test`, which
 * has no clang. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <dirent.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void replay(const char *folder, const char *name)
{
    static uint8_t data[1 << 20];
    char path[4096];
    FILE *file;
    size_t size;
    uint8_t *copy;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        abort();
    size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    copy = (uint8_t *)copy_bytes(data, size);
    (void)fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int argc, char **argv)
{
    int count = 0;

    if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv))
        return 1;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);

        for (struct dirent *entry; folder && (entry = readdir(folder));)
            if (*entry->d_name != '.') {
                replay(argv[i], entry->d_name);
                count++;
            }
        if (folder)
            (void)closedir(folder);
    }
    (void)printf("%d inputs\n", count);
    return !count;
}
