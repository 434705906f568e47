out/p g: \
  /usr/lib/gcc/12/../../../crti.o \
  li b#$x/libc fun.a

/usr/lib/gcc/12/../../../crti.o:

li b#$x/libc fun.a:
