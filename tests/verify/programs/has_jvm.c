/* A program with a JVM inside, which takes no options of java(1): has_jvm LIBJVM [ARG...]. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* JavaVMInitArgs in jni.h, without options. */
struct arguments {
    int32_t version, count;
    void *options;
    unsigned char ignore;
};

int main(int argc, char **argv)
{
    struct arguments arguments = {.version = 0x00010008}; /* JNI_VERSION_1_8 */
    void *machine, *environment;
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
    int (*create)(void **, void **, void *) = NULL;

    if (library)
        *(void **)&create = dlsym(library, "JNI_CreateJavaVM");
    if (!create || create(&machine, &environment, &arguments))
        return 1;
    puts("ready");
    fflush(stdout);
    getchar();
    exit(0);
}
