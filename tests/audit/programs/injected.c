/* A library for LD_PRELOAD that does nothing. */
int ph_injected(void);

int ph_injected(void)
{
    return 42;
}
