{
    .name = "the initial environment cannot be found",
    .world = {.fault = {"crt0", 0, EPERM}},
    .status = 8,
    .outcomes = "u=F--",
    .message = "finding __ps_strings failed: No such file or directory (ENOENT)",
    .log = "getrlimit(CORE) " CLEAN,
},
