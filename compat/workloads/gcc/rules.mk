all: one two
one: program.c
	$(CC) -o $@ $<
	./$@
two:
	$(MAKE) -s -f rules.mk deeper
deeper:
	echo $(MAKELEVEL)
