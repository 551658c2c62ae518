/* A program of any size, which does nothing. Compile with -DSIZE=BYTES. */
const char text[SIZE] = {1};

int main(void)
{
    return 0;
}
