/* A library for LD_AUDIT that asks for nothing (rtld-audit(7)). */
unsigned int la_version(unsigned int version);

unsigned int la_version(unsigned int version)
{
    return version;
}
