/* A program that has Python in it: runs the Python code in its first argument. */
#include <Python.h>

int main(int argc, char **argv)
{
    int failed;

    if (argc != 2)
        return 125;
    Py_Initialize();
    failed = PyRun_SimpleString(argv[1]);
    return Py_FinalizeEx() || failed;
}
