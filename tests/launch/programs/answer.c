/* A library of a program's own: `show` prints what it answers. */
int answer(void);
int answer(void)
{
    return 42;
}
