/* A program, or a library, with room for another table of strings. */
const char spare[1 << 14] = "SPARE";

int main(void)
{
    return spare[0] != 'S';
}
