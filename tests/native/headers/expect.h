/* Statements about a system's headers that the compiler checks. */
#ifndef PH_EXPECT_H
#define PH_EXPECT_H

#define VALUE(constant, value) _Static_assert((constant) == (value), #constant)
#define TYPE(expression, type) \
    _Static_assert(_Generic((expression), type: 1, default: 0), #expression)
/* A field of this type. No object of the structure is needed. */
#define FIELD(structure, field, type) TYPE(((structure *)0)->field, type)

#endif
