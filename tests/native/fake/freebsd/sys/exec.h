struct ps_strings {
    char **ps_argvstr;
    unsigned ps_nargvstr;
    char **ps_envstr;
    unsigned ps_nenvstr;
};
