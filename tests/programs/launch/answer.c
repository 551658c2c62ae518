/* The library that a program cannot do without: libanswer.so. */
int answer(void);
int answer(void)
{
    return 42;
}
